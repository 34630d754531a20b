package house

import (
	"bytes"
	"go/scanner"
	"go/token"
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
// messages and exit codes. Lines of code count: a comment or a blank line makes it no thicker.
func TestCommandIsThin(t *testing.T) {
	const most = 3600
	lines := 0
	goFiles(t, func(name string, code []byte) {
		if strings.HasPrefix(name, "cmd/mgd3/") && !strings.HasSuffix(name, "_test.go") {
			lines += codeLines(code)
		}
	})
	if lines == 0 || lines > most {
		t.Errorf("cmd/mgd3 has %d lines of code, want some, and at most %d", lines, most)
	}
}

// codeLines counts the lines with something else than comments on them.
func codeLines(code []byte) int {
	var s scanner.Scanner
	file := token.NewFileSet().AddFile("", -1, len(code))
	s.Init(file, code, nil, 0) // without comments
	lines := map[int]bool{}
	for {
		pos, tok, text := s.Scan()
		if tok == token.EOF {
			return len(lines)
		}
		if tok == token.SEMICOLON && text == "\n" { // the scanner's own, at the end of a line that counts already
			continue
		}
		first := file.Line(pos)
		for i := range 1 + strings.Count(text, "\n") { // a raw string may have several
			lines[first+i] = true
		}
	}
}

// TestCodeLines: what counts as a line of code.
func TestCodeLines(t *testing.T) {
	for _, test := range []struct {
		name, code string
		want       int
	}{
		{"nothing", "", 0},
		{"comments", "// a\n\n/* b\n\nc */\n", 0},
		{"code beside a comment", "package p // a\n", 1},
		{"code after a comment", "/* a\n*/ package p\n", 1},
		{"a semicolon of the scanner's", "package p\n\n\n\nvar x = 1\n\n", 2},
		{"a raw string", "package p\nvar x = `a\n\n// b\n`\n", 5},
	} {
		if got := codeLines([]byte(test.code)); got != test.want {
			t.Errorf("%s: got %d, want %d", test.name, got, test.want)
		}
	}
}
