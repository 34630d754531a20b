package terminal

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"mgd3/weights/hub"
)

// Accept writes the terms of what has some, and asks for consent where they are narrow and it is not accepted yet;
// stdin is nil where nobody is there to answer. Without consent the error is an [hub.ErrTerms].
func Accept(w io.Writer, stdin io.Reader, k hub.Known, page string, accepted bool) error {
	fmt.Fprintf(w, "mgd3: %s: %s (%s)\n", k.Name, k.Terms(), page)
	if !k.Research || accepted {
		return nil
	}
	if stdin != nil {
		fmt.Fprint(w, "mgd3: do you accept this? [y/N] ")
		answer, _ := bufio.NewReader(stdin).ReadString('\n')
		switch strings.ToLower(strings.TrimSpace(answer)) {
		case "y", "yes":
			return nil
		}
	}
	return fmt.Errorf("%s: %s: %w", k.Name, k.Terms(), hub.ErrTerms)
}
