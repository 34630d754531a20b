package house

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// quoted matches the name of a package of this module, in a page.
var quoted = regexp.MustCompile("`([a-z]+)`")

// TestUsableAloneHasExamples: a package that README calls useful alone has an example with its output, as another
// module would write it: with the package's name.
func TestUsableAloneHasExamples(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(page), "Some packages are useful without the program.")
	paragraph, _, _ := strings.Cut(after, "\n\n")
	names := quoted.FindAllStringSubmatch(paragraph, -1)
	if len(names) < 10 {
		t.Errorf("README names %d packages, want at least 10", len(names))
	}
	for _, name := range names {
		if !hasExample(t, name[1]) {
			t.Errorf("package %s has no example with its output in package %[1]s_test", name[1])
		}
	}
}

func hasExample(t *testing.T, name string) bool {
	files, err := filepath.Glob(filepath.Join("..", "..", name, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		code, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := string(code)
		if strings.HasPrefix(text, "package "+name+"_test\n") && strings.Contains(text, "\nfunc Example") &&
			strings.Contains(text, "\t// Output:") {
			return true
		}
	}
	return false
}
