package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

// Apart refuses an --out, or --latents, that is a folder of images which the command reads or lies in it, since what it
// writes would be one of them the next time, and the set could not be read: no run would continue. The folder beside
// those of the splits is none. It refuses of merge an --out that is among the sets, or a set that is given twice. Its
// error is a [*Mistake].
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
		root := filepath.Join(path, value(images.split))
		if !isFolder(root) { // the split is in the files' names
			root = path
		}
		for _, flag := range []string{"out", "latents"} {
			switch made := value(flag); {
			case path == "" || made == "":
			case same(path, made) || same(root, made):
				return mistake("name another folder", fmt.Errorf("--%s %q is where the images of --%s are, and would "+
					"be read as such the next time", flag, made, images.path))
			case within(root, made):
				return mistake("name a folder outside", fmt.Errorf("--%s %q lies in %q, where the images of --%s are, "+
					"and would be read as a part of them the next time", flag, made, root, images.path))
			}
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

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// within reports whether a path, which need not be there, lies below a folder that is.
func within(root, path string) bool {
	path, err := filepath.Abs(path)
	for err == nil && path != filepath.Dir(path) {
		if path = filepath.Dir(path); same(root, path) {
			return true
		}
	}
	return false
}

// same reports whether two paths are of one folder that is there.
func same(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && x.IsDir() && os.SameFile(x, y)
}
