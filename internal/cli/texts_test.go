package cli

import (
	"testing"
	"testing/fstest"

	"github.com/spf13/cobra"
)

func TestTexts(t *testing.T) {
	root, sub := &cobra.Command{Use: "mgd3"}, &cobra.Command{Use: "cluster"}
	leaf, own := &cobra.Command{Use: "slurm --out DIR"}, &cobra.Command{Use: "bench", Long: "made by the program"}
	sub.AddCommand(leaf)
	root.AddCommand(sub, own)
	Texts(root, fstest.MapFS{
		"mgd3.txt":          {Data: []byte("Two\nlines.\n")},
		"cluster-slurm.txt": {Data: []byte("Long.\n\nExamples:\n  a\n\n  b\n")},
		"bench.txt":         {Data: []byte("Examples:\n  c\n")},
	})
	for _, c := range []struct {
		cmd           *cobra.Command
		long, example string
	}{
		{root, "Two\nlines.", ""}, {sub, "", ""}, {leaf, "Long.", "  a\n\n  b"},
		{own, "made by the program", "  c"},
	} {
		if c.cmd.Long != c.long || c.cmd.Example != c.example {
			t.Errorf("%s: got %q and %q, want %q and %q", c.cmd.CommandPath(), c.cmd.Long, c.cmd.Example, c.long,
				c.example)
		}
	}
}
