package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestOffered(t *testing.T) {
	for _, c := range []struct {
		typed string
		list  bool
		want  string
	}{{"", false, "one two three"}, {"t", false, "two three"}, {"one,t", true, "one,two one,three"},
		{"two,t", true, "two,three"}, {"one,t", false, ""}, {"x", true, ""}} {
		if got := strings.Join(offered([]string{"one", "two", "three"}, c.typed, c.list), " "); got != c.want {
			t.Errorf("%q: got %q, want %q", c.typed, got, c.want)
		}
	}
}

// TestComplete: what the shell is told, as its script asks for it.
func TestComplete(t *testing.T) {
	for _, c := range []struct{ line, want, directive string }{
		{"sub --preset ", "big small", ":4"},
		{"sub --preset b", "big", ":4"},
		{"sub --method small,", "small,big", ":4"},
		{"sub --classes b", "big", ":0"}, // a list by name, or a file
		{"sub --out ", "", ":16"},
		{"sub --weights ", "", ":0"},
		{"sub --ipc ", "", ":4"},
		{"sub --backend ", "cpu", ":4"},
		{"other --preset ", "own", ":4"},
		{"s", "sub", ":4"},
	} {
		root := &cobra.Command{Use: "mgd3"}
		root.PersistentFlags().String("backend", "", "`BACKEND`")
		run := func(*cobra.Command, []string) {}
		sub, other := &cobra.Command{Use: "sub", Run: run}, &cobra.Command{Use: "other", Run: run}
		sub.Flags().String("preset", "", "`NAME`")
		other.Flags().String("preset", "", "`NAME`")
		sub.Flags().StringSlice("method", nil, "`METHODS`")
		sub.Flags().String("classes", "", "`LIST`")
		sub.Flags().String("out", "", "`DIR`")
		sub.Flags().String("weights", "", "`FILE`")
		sub.Flags().Int("ipc", 0, "")
		root.AddCommand(sub, other)
		names := func() []string { return []string{"big", "small"} }
		Complete(root, Completions{"preset": names, "method": names, "classes": names,
			"backend":             func() []string { return []string{"cpu"} },
			"mgd3 other --preset": func() []string { return []string{"own"} }})
		var out strings.Builder
		root.SetOut(&out)
		root.SetErr(&strings.Builder{})
		words := strings.Split(c.line, " ")
		root.SetArgs(append([]string{"__complete"}, words...))
		if err := root.Execute(); err != nil {
			t.Errorf("%q: %v", c.line, err)
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if at := slices.Index(lines, c.directive); at < 0 || strings.Join(lines[:at], " ") != c.want {
			t.Errorf("%q: got %q, want %q and %s", c.line, lines, c.want, c.directive)
		}
	}
}
