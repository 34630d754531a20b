package house

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// direct matches what goes past the verbs of stage/atomicfile. Readers of weights map files into memory themselves.
var direct = regexp.MustCompile(`\b(os\.(Stat|Lstat|ReadFile|WriteFile|Create|OpenFile|Open|ReadDir|` +
	`Rename|Remove|RemoveAll|Mkdir|MkdirAll)|filepath\.WalkDir)\(`)

// TestRunsKeepTheirFilesByTheVerbs: what a run keeps is put, read, listed and looked for by stage/atomicfile alone, so
// that a bucket can stand in the place of a folder.
func TestRunsKeepTheirFilesByTheVerbs(t *testing.T) {
	allowed := map[string]string{
		"../../compare/evaluation_sets.go": "os.Stat(", // of a set that a user names
		"../../compare/sheet.go":           "os.Stat(", // likewise
		"../../distill/merge.go":           "os.Stat(", // of a folder that a user names
	}
	seen := 0
	for _, room := range []string{"distill", "encode", "train", "evaluate", "baseline", "compare", "latent"} {
		files, err := filepath.Glob(filepath.Join("..", "..", room, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			seen++
			code, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, call := range direct.FindAllString(string(code), -1) {
				if allowed[filepath.ToSlash(path)] != call {
					t.Errorf("%s calls %s…), want a verb of stage/atomicfile", path, call)
				}
			}
		}
	}
	if seen == 0 {
		t.Error("no files found")
	}
}
