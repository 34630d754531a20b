package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestWidth: $COLUMNS counts; where it is no number, and the output no terminal, it is 80.
func TestWidth(t *testing.T) {
	for _, c := range []struct {
		columns string
		want    int
	}{{"100", 100}, {"120", 120}, {"3", 40}, {"", 80}, {"wide", 80}, {"0", 80}, {"-5", 80}} {
		t.Setenv("COLUMNS", c.columns)
		if got := Width(); got != c.want {
			t.Errorf("COLUMNS=%q: got %d, want %d", c.columns, got, c.want)
		}
	}
}

// TestReflow: paragraphs are filled anew, rows of tables and comments stay what they are.
func TestReflow(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want string
	}{
		{"a paragraph", reflow("one two\nthree four five", 13), "one two three\nfour five"},
		{"two paragraphs", reflow("one\n\ntwo", 40), "one\n\ntwo"},
		{"a row", reflow("  name     what it is and does", 20), "  name what it is\n    and does"},
		{"a row in columns", reflow("  nm  what it is and does", 20), "  nm  what it is and\n      does"},
		{"a long word", reflow("a longer-than-the-line b", 8), "a\nlonger-than-the-line\nb"},
		{"a command", reflowShell("  mgd3 x --data pets.zip --out y", 22),
			"  mgd3 x \\\n    --data pets.zip \\\n    --out y"},
		{"quotes", reflowShell("  mgd3 pull --include '*.a b' --in 'x y z'", 30),
			"  mgd3 pull \\\n    --include '*.a b' \\\n    --in 'x y z'"},
		{"a comment", reflowShell("  mgd3 x # what it does, in words", 24),
			"  # what it does, in\n  # words\n  mgd3 x"},
		{"it fits", reflowShell("  mgd3 x      # aligned", 40), "  mgd3 x      # aligned"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, c.got, c.want)
		}
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{"1": 1, "500MB": 500e6, "2 GB": 2e9, "1.5GiB": 3 << 29, "7kB": 7000,
		"7KB": 7000,
		"3B":  3, "1TiB": 1 << 40} {
		if got, err := ParseSize("--shard", text); got != want || err != nil {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0", "0.5B", "-1MB", "GB", "2 Gb", "many", "nan", "inf", "1e30TB"} {
		if got, err := ParseSize("--shard", text); err == nil ||
			!strings.Contains(err.Error(), `--shard is "`+text+`"`) {
			t.Errorf("%q: got %d, %v, want an error that names it", text, got, err)
		}
	}
}

// TestUsage: what cobra says of a command line becomes what was wanted, and other errors stay.
func TestUsage(t *testing.T) {
	run := func(line string) error {
		root := &cobra.Command{Use: "prog", SilenceErrors: true, SilenceUsage: true}
		root.SetFlagErrorFunc(FlagError)
		sub := &cobra.Command{Use: "draw FILE --in DIR", Args: cobra.ExactArgs(1),
			RunE: func(_ *cobra.Command, args []string) error {
				return errors.New("own: " + args[0])
			}}
		sub.Flags().String("in", "", "")
		sub.Flags().Int("count", 0, "")
		Require(sub, "in")
		root.AddCommand(sub)
		root.SetArgs(strings.Fields(line))
		cmd, err := root.ExecuteC()
		return Usage(cmd, err)
	}
	for _, c := range []struct{ line, want, hint string }{
		{"draw a", "missing --in", "prog draw FILE --in DIR; --help has all flags, and examples"},
		{"draw --in x", "prog draw wants 1 argument besides its flags, got 0",
			"prog draw FILE --in DIR; --help has all flags, and examples"},
		{"draw a --in x --count b", `--count is "b", want a whole number`, `"prog draw --help" lists the flags`},
		{"drw", `there is no command "drw"`, `did you mean "prog draw"? "prog --help" lists the commands`},
	} {
		err := run(c.line)
		var m *Mistake
		if !errors.As(err, &m) || m.Error() != c.want || m.Hint != c.hint {
			t.Errorf("%s: got %v, %+v; want %s, %s", c.line, err, m, c.want, c.hint)
		}
	}
	var m *Mistake
	if err := run("draw a --in x"); err == nil || err.Error() != "own: a" || errors.As(err, &m) {
		t.Errorf("got %v, want the command's own error", err)
	}
}
