package house

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// link matches the target of a link in a page, without what follows a #.
var link = regexp.MustCompile(`\]\(([^)#\s]+)`)

// TestPages: a page for readers has lines of at most 120 columns, but for rows of tables and commands, and its links
// lead to files.
func TestPages(t *testing.T) {
	const most = 120
	root := os.DirFS("../..")
	pages := []string{"README.md", "internal/README.md"}
	for _, pattern := range []string{"docs/*.md", "docs/notes/*.md"} {
		found, err := fs.Glob(root, pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	if len(pages) < 20 {
		t.Errorf("found %d pages, want all of docs", len(pages))
	}
	for _, page := range pages {
		text, err := fs.ReadFile(root, page)
		if err != nil {
			t.Fatal(err)
		}
		fenced := false
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "```") {
				fenced = !fenced
			}
			n := utf8.RuneCountInString(strings.TrimRight(line, "\n"))
			if n > most && !fenced && !strings.HasPrefix(line, "|") && !strings.HasPrefix(line, "    ") {
				t.Errorf("%s: a line of %d columns, want at most %d: %.60s…", page, n, most, line)
			}
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := fs.Stat(root, path.Join(path.Dir(page), m[1])); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", page, m[1])
			}
		}
	}
}
