package house

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// generated matches the line that Go wants in generated files.
var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// TestFilesAreShort: a Go file has at most 400 lines, so that it holds one concept. Generated code may be longer, and so may
// the files named here, each for its reason.
func TestFilesAreShort(t *testing.T) {
	const most = 400
	longer := map[string]string{}
	seen := 0
	err := fs.WalkDir(os.DirFS("../.."), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if name != "." && strings.HasPrefix(path.Base(name), ".") || path.Base(name) == "testdata" {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" || !e.Type().IsRegular() {
			return nil
		}
		code, err := os.ReadFile("../../" + name)
		if err != nil {
			return err
		}
		seen++
		n := bytes.Count(code, []byte("\n"))
		if n > most && longer[name] == "" && !generated.Match(code) {
			t.Errorf("%s has %d lines, want at most %d: split it by concept", name, n, most)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 300 {
		t.Errorf("found %d Go files, want all of the module", seen)
	}
}
