package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestNearest(t *testing.T) {
	names := []string{"data", "data-split", "model", "ipc", "out", "q"}
	for typed, want := range map[string]string{
		"dta": "data", "daat": "data", "DATA": "data", "data_split": "data-split", "modle": "model", "icp": "ipc",
		"data_dir": "data", "data-split-name": "data-split", "frobnicate": "", "x": "", "": "", "of": "",
	} {
		if got := Nearest(typed, names); got != want {
			t.Errorf("%q: got %q, want %q", typed, got, want)
		}
	}
}

func TestEdits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"kitten", "sitting", 3},
		{"ca", "abc", 3}, {"data", "date", 1}} {
		if got := edits(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: got %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// TestUnknownFlag: what was meant is in the advice, for typing errors and for the flags of other programs.
func TestUnknownFlag(t *testing.T) {
	cmd := &cobra.Command{Use: "mgd3"}
	cmd.Flags().String("data", "", "")
	cmd.Flags().Int("ipc", 0, "")
	cmd.Flags().String("secret", "", "")
	cmd.Flags().Lookup("secret").Hidden = true
	for said, want := range map[string]string{
		"unknown flag: --dta":                  "did you mean --data?",
		"unknown flag: --data_dir":             "did you mean --data?",
		"unknown flag: --num-samples":          "did you mean --ipc?",
		"unknown flag: --ckpt":                 "lists the flags", // this command has none for it
		"unknown flag: --secrets":              "lists the flags",
		"unknown shorthand flag: 'd' in -data": "flags have two hyphens: did you mean --data?",
		"unknown shorthand flag: 'z' in -z":    "lists the flags",
	} {
		var m *Mistake
		if err := FlagError(cmd, errors.New(said)); !errors.As(err, &m) || !strings.Contains(m.Hint, want) {
			t.Errorf("%s: got %v with the hint %q, want %q", said, err, m.Hint, want)
		}
	}
}
