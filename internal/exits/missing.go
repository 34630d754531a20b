package exits

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mgd3/internal/cli"
	"mgd3/store"
)

// missing is the advice where a file or folder that was named is not there: the name beside it that was likely meant,
// else what is there. It is "" for other errors, and where nothing can be listed.
func missing(err error) string {
	var e *fs.PathError
	if !errors.As(err, &e) || !errors.Is(e.Err, fs.ErrNotExist) || store.IsAddress(e.Path) ||
		store.Is(e.Path) {
		return ""
	}
	path := filepath.Clean(e.Path)
	for {
		dir := filepath.Dir(path)
		if _, err := os.Stat(dir); err == nil || dir == path {
			return beside(dir, filepath.Base(path))
		}
		path = dir
	}
}

func beside(dir, name string) string {
	const few = 5
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	var names []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	if near := cli.Nearest(name, names); near != "" {
		return fmt.Sprintf("did you mean %q?", filepath.Join(dir, near))
	}
	where := fmt.Sprintf("%q", dir)
	if dir == "." {
		where = "the folder that the command runs in"
	}
	if len(names) == 0 {
		return where + " is empty"
	}
	text := fmt.Sprintf("%s has %q", where, names[0])
	for _, n := range names[1:min(few, len(names))] {
		text += fmt.Sprintf(", %q", n)
	}
	if more := len(names) - few; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
