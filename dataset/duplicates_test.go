package dataset

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// setOf writes a set of files CLASS/FILE and opens it.
func setOf(t *testing.T, files map[string]string) *Set {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	set, err := Open(context.Background(), dir, OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { set.Close() })
	return set
}

func TestDuplicates(t *testing.T) {
	train := setOf(t, map[string]string{
		"a/0.png": "one", "a/1.png": "two", "a/2.png": "one", // twice in one class, once in the other
		"b/0.png": "one", "b/1.png": "six", "b/2.png": "longer"})
	test := setOf(t, map[string]string{"a/9.png": "six", "b/9.png": "ten", "b/8.png": "longest"})
	groups, err := Duplicates(context.Background(), train, test)
	if err != nil {
		t.Fatal(err)
	}
	across := AcrossClasses(groups, 0)
	if across.Images != 3 || across.First[0].Name != "0.png" || across.First[0].Class != "a" ||
		across.First[1].Class != "b" {
		t.Errorf("across the classes of train: %+v, want 3 images, a/0.png and b/0.png first", across)
	}
	if across := AcrossClasses(groups, 1); across.Images != 0 {
		t.Errorf("across the classes of test: %+v, want none", across)
	}
	both := Between(groups, 0, 1)
	if both.Images != 1 || both.First[0].Name != "1.png" || both.First[1].Name != "9.png" ||
		both.First[1].Class != "a" {
		t.Errorf("train and test: %+v, want 1 image, b/1.png and a/9.png", both)
	}
}

// Files that are gone since the set was opened, and sets that are drawn, are passed over.
func TestDuplicatesPassOver(t *testing.T) {
	set := setOf(t, map[string]string{"a/0.png": "one", "b/0.png": "one"})
	if err := os.Remove(filepath.Join(set.path, "b", "0.png")); err != nil {
		t.Fatal(err)
	}
	drawn := FromFunc("drawn", set.Classes, func(Ref) ([]byte, error) { return []byte("one"), nil })
	groups, err := Duplicates(context.Background(), set, drawn)
	if err != nil || len(groups) != 0 {
		t.Errorf("groups %v, error %v, want none", groups, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Duplicates(ctx, setOf(t, map[string]string{"a/0.png": "x", "b/0.png": "x"})); err == nil {
		t.Error("a context that has ended is no error")
	}
}
