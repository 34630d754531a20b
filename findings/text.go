package findings

import (
	"fmt"
	"strings"
)

// Text says what was found, in a line for each check.
func (f *Findings) Text() string {
	var b strings.Builder
	for _, c := range f.Checks {
		result := "none"
		switch {
		case c.Skipped != "":
			result = "not checked: " + c.Skipped
		case len(c.Items) > 0:
			result = fmt.Sprintf("%d, %v say: %s", len(c.Items), c.Items[0].Image, c.Items[0].Text)
		}
		fmt.Fprintf(&b, "%-38s %s\n", c.Title, result)
	}
	return b.String()
}
