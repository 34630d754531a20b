// Package golden finds the golden cases, tensors written by reference programs, and compares
// with them.
//
// The repository has cases of its own, small ones, in testdata/golden, with the programs that
// make them. More are read from the folder that $MGD3_GOLDEN names, by default ../shared/golden
// where it is there (a relative path counts from the module's root). Every folder with a
// case.json is a case; its field "case", or else the folder's name, is its name, and the name's
// beginning is its kind. All else comes from case.json too: file and tensor names, settings,
// tolerances. A test written so runs on any set of cases of the same format.
package golden

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/weights"
)

// Case is one folder of reference tensors.
type Case struct {
	Name string // "dit_tiny"
	Dir  string // the folder
}

// Cases returns every case whose name begins with kind, in the order of their folders, the
// repository's own first. It fails the test where one of the folders of cases has none of this
// kind.
func Cases(t testing.TB, kind string) []Case {
	t.Helper()
	var cases []Case
	for _, root := range roots(t) {
		of := slices.DeleteFunc(below(t, root), func(c Case) bool { return !strings.HasPrefix(c.Name, kind) })
		if len(of) == 0 {
			t.Fatalf("golden: no case of kind %q below %s", kind, root)
		}
		cases = append(cases, of...)
	}
	return cases
}

// Some is Cases for a kind that only the repository's own folder must have.
func Some(t testing.TB, kind string) []Case {
	t.Helper()
	cases := slices.DeleteFunc(All(t), func(c Case) bool { return !strings.HasPrefix(c.Name, kind) })
	if len(cases) == 0 {
		t.Fatalf("golden: no case of kind %q", kind)
	}
	return cases
}

// All returns every case of every kind, the repository's own first.
func All(t testing.TB) []Case {
	t.Helper()
	var cases []Case
	for _, root := range roots(t) {
		cases = append(cases, below(t, root)...)
	}
	return cases
}

// below returns the cases in a folder, which must have some.
func below(t testing.TB, root string) []Case {
	t.Helper()
	var cases []Case
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == "case.json" {
			cases = append(cases, open(t, filepath.Dir(path)))
		}
		return err
	})
	if err == nil && len(cases) == 0 {
		err = fmt.Errorf("no case below %s", root)
	}
	if err != nil {
		t.Fatalf("golden: %v", err)
	}
	return cases
}

// open returns the case in the folder dir.
func open(t testing.TB, dir string) Case {
	t.Helper()
	c := Case{Dir: dir}
	var head struct{ Case string }
	c.Decode(t, &head)
	c.Name = head.Case
	if c.Name == "" {
		c.Name = filepath.Base(dir)
	}
	return c
}

// roots returns the folders of all cases. The repository's own and one that $MGD3_GOLDEN names
// are among them even if they are not there, so that a test which reads them fails.
func roots(t testing.TB) []string {
	t.Helper()
	module, err := os.Getwd()
	if err != nil {
		t.Fatalf("golden: %v", err)
	}
	for !isFile(filepath.Join(module, "go.mod")) {
		if module == filepath.Dir(module) {
			t.Fatal("golden: no go.mod above the working directory")
		}
		module = filepath.Dir(module)
	}
	dirs := []string{filepath.Join(module, "testdata", "golden")}
	more, named := os.LookupEnv("MGD3_GOLDEN")
	switch {
	case !named || more == "":
		more = filepath.Join(module, "..", "shared", "golden")
		if _, err := os.Stat(more); errors.Is(err, fs.ErrNotExist) {
			return dirs
		}
	case !filepath.IsAbs(more):
		more = filepath.Join(module, more)
	}
	return append(dirs, more)
}

func isFile(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Decode reads case.json into v, as encoding/json does.
func (c Case) Decode(t testing.TB, v any) {
	t.Helper()
	path := filepath.Join(c.Dir, "case.json")
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		t.Fatalf("golden: %s: %v", path, err)
	}
}

// Tolerance returns the number key of case.json's "tolerance". Old cases have sentences in its
// place; see [sentences].
func (c Case) Tolerance(t testing.TB, key string) float64 {
	t.Helper()
	var all struct{ Tolerance map[string]any }
	c.Decode(t, &all)
	if v, ok := all.Tolerance[key].(float64); ok {
		return v
	}
	if v, ok := fromSentence(all.Tolerance, key); ok {
		return v
	}
	t.Fatalf("golden: %s: case.json gives no number as tolerance %q", c.Name, key)
	return 0
}

// Open opens a tensor file of the case; it is closed when the test ends.
func (c Case) Open(t testing.TB, file string) *weights.File {
	t.Helper()
	f, err := weights.Open(c.Path(file))
	if err != nil {
		t.Fatalf("golden: %v", err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// Path returns the path of a file of the case.
func (c Case) Path(file string) string { return filepath.Join(c.Dir, filepath.FromSlash(file)) }

// Tensor returns one tensor of a file; it lives as long as the test.
func (c Case) Tensor(t testing.TB, file, name string) weights.Tensor {
	t.Helper()
	tensor, err := c.Open(t, file).Tensor(name)
	if err != nil {
		t.Fatalf("golden: %v", err)
	}
	return tensor
}

// Float32s returns the elements of one tensor of a file.
func (c Case) Float32s(t testing.TB, file, name string) []float32 {
	t.Helper()
	return must(c.Tensor(t, file, name).Float32s())(t)
}

// Float64s returns the elements of one tensor of a file.
func (c Case) Float64s(t testing.TB, file, name string) []float64 {
	t.Helper()
	return must(c.Tensor(t, file, name).Float64s())(t)
}

// Int64s returns the elements of one tensor of a file.
func (c Case) Int64s(t testing.TB, file, name string) []int64 {
	t.Helper()
	return must(c.Tensor(t, file, name).Int64s())(t)
}

// must ends the test if there was an error.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatalf("golden: %v", err)
		}
		return v
	}
}

// Sibling returns the case in the folder beside this one that the first word of name names:
// "dit_tiny (weights in the dit_tiny case)" is dit_tiny.
func (c Case) Sibling(t testing.TB, name string) Case {
	t.Helper()
	words := strings.Fields(name)
	if len(words) == 0 {
		t.Fatalf("golden: %s: want the name of a case beside it, have none", c.Name)
	}
	return open(t, filepath.Join(filepath.Dir(c.Dir), words[0]))
}
