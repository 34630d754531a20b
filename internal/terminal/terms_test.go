package terminal

import (
	"errors"
	"io"
	"strings"
	"testing"

	"mgd3/weights/hub"
)

func TestAccept(t *testing.T) {
	free, _ := hub.Lookup("taesd")
	narrow, _ := hub.Lookup("imagenet-1k")
	tests := []struct {
		known    hub.Known
		accept   bool
		terminal bool
		answer   string
		ok       bool
	}{
		{free, false, false, "", true},
		{narrow, true, false, "", true},
		{narrow, false, false, "y\n", false},
		{narrow, false, true, "y\n", true},
		{narrow, false, true, "Yes\n", true},
		{narrow, false, true, "\n", false},
		{narrow, false, true, "n\n", false},
		{narrow, false, true, "", false},
	}
	for _, test := range tests {
		var errs strings.Builder
		var stdin io.Reader
		if test.terminal {
			stdin = strings.NewReader(test.answer)
		}
		err := Accept(&errs, stdin, test.known, "https://hub.example/x", test.accept)
		if (err == nil) != test.ok || err != nil && !errors.Is(err, hub.ErrTerms) {
			t.Errorf("%s, --accept-licence %v, terminal %v, answer %q: got %v", test.known.Name, test.accept,
				test.terminal, test.answer, err)
		}
		if !strings.Contains(errs.String(), test.known.Licence) {
			t.Errorf("%s: the licence is not shown: %q", test.known.Name, errs.String())
		}
	}
}
