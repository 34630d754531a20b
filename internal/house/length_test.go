package house

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// generated matches the line that Go wants in generated files.
var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// goFiles calls use with each Go file of the repository that is not generated, testdata aside.
func goFiles(t *testing.T, use func(name string, code []byte)) {
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
		if !generated.Match(code) {
			use(name, code)
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

// TestFilesAreShort: a Go file has at most 400 lines, so that it holds one concept. Generated code may be longer.
func TestFilesAreShort(t *testing.T) {
	const most = 400
	goFiles(t, func(name string, code []byte) {
		if n := bytes.Count(code, []byte("\n")); n > most {
			t.Errorf("%s has %d lines, want at most %d: split it by concept", name, n, most)
		}
	})
}

// TestLinesAreShort: a line of Go has at most 120 columns, a tab being four of them. Generated code may have longer
// ones.
func TestLinesAreShort(t *testing.T) {
	const most, tab = 120, 4
	goFiles(t, func(name string, code []byte) {
		at := 0
		for line := range strings.Lines(string(code)) {
			at++
			line = strings.TrimRight(line, "\n")
			if n := utf8.RuneCountInString(line) + (tab-1)*strings.Count(line, "\t"); n > most {
				t.Errorf("%s:%d has %d columns, want at most %d", name, at, n, most)
			}
		}
	})
}

// TestCommandIsThin: what decides lives in packages that other programs could call; the command is flags, files,
// messages and exit codes.
func TestCommandIsThin(t *testing.T) {
	const most = 4000
	lines := 0
	goFiles(t, func(name string, code []byte) {
		if strings.HasPrefix(name, "cmd/mgd3/") && !strings.HasSuffix(name, "_test.go") {
			lines += bytes.Count(code, []byte("\n"))
		}
	})
	if lines == 0 || lines >= most {
		t.Errorf("cmd/mgd3 has %d lines, want some, and fewer than %d", lines, most)
	}
}
