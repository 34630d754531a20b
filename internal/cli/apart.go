package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

// Apart refuses an --out that is a folder of images which the command reads, since what it writes would be one of them
// the next time; and of merge one that is among the sets, or a set that is given twice. Its error is a [*Mistake].
func Apart(cmd *cobra.Command, args []string) error {
	value := func(name string) string {
		if f := cmd.Flags().Lookup(name); f != nil {
			return f.Value.String()
		}
		return ""
	}
	out := value("out")
	for _, images := range []struct{ path, split string }{{"data", "split"}, {"test", "test-split"},
		{"teacher-data", "teacher-split"}} {
		path := value(images.path)
		if path != "" && (same(path, out) || same(filepath.Join(path, value(images.split)), out)) {
			return mistake("name another folder", fmt.Errorf("--out %q is where the images of --%s are, and would be "+
				"read as such the next time", out, images.path))
		}
	}
	if cmd.Name() != "merge" {
		return nil
	}
	for i, path := range args {
		if same(path, out) {
			return mistake("name a new folder", fmt.Errorf("--out %q is one of those to merge", out))
		}
		for _, other := range args[:i] {
			if same(path, other) {
				return mistake("", fmt.Errorf("%q is given twice", path))
			}
		}
	}
	return nil
}

// same reports whether two paths are of one folder that is there.
func same(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && x.IsDir() && os.SameFile(x, y)
}
