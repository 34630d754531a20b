package dataset

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// lists are the named lists and the files of ../shared/data/class-lists with the same content, "" if
// there is none.
var lists = map[string]string{
	"nette": "class_nette.txt", "woof": "class_woof.txt", "idc": "class_idc.txt",
	"imagenet100": "class100.txt", "imagenet1k": "class_indices.txt",
	"imagenet-a": "", "imagenet-b": "", "imagenet-c": "", "imagenet-d": "", "imagenet-e": "",
}

func TestNamedClasses(t *testing.T) {
	if got, want := slices.Sorted(slices.Values(ListNames())), slices.Sorted(maps.Keys(lists)); !slices.Equal(got, want) {
		t.Errorf("ListNames() = %q, want %q", got, want)
	}
	all := named(t, "imagenet1k")
	if len(all) != 1000 || !slices.IsSorted(all) {
		t.Errorf("imagenet1k has %d classes, sorted %v; want 1000, sorted", len(all), slices.IsSorted(all))
	}
	for name, file := range lists {
		classes := named(t, name)
		for _, c := range classes {
			if _, found := slices.BinarySearch(all, c); !found {
				t.Errorf("%s: class %s is not in imagenet1k", name, c)
			}
		}
		if n := len(slices.Compact(slices.Sorted(slices.Values(classes)))); n != len(classes) {
			t.Errorf("%s: %d classes, %d different", name, len(classes), n)
		}
		if file != "" {
			t.Run(file, func(t *testing.T) {
				want, err := ParseNames(shared(t, filepath.Join("class-lists", file)))
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(classes, want) {
					t.Errorf("%s differs from %s", name, file)
				}
			})
		}
	}
}

// TestOrderOfImageNet100 pins the trap of this list: it is IDC's, and only in IDC's order are the
// first ten classes the ten of idc.
func TestOrderOfImageNet100(t *testing.T) {
	hundred, ten := named(t, "imagenet100"), named(t, "idc")
	if !slices.Equal(hundred[:10], ten) {
		t.Errorf("imagenet100 begins with %v, want idc, %v", hundred[:10], ten)
	}
	slices.Sort(hundred)
	slices.Sort(ten)
	if slices.Equal(hundred[:10], ten) {
		t.Error("sorted, imagenet100 begins with the classes of idc too: there is no trap")
	}
}

func named(t *testing.T, name string) []string {
	t.Helper()
	classes, err := NamedClasses(name)
	if err != nil {
		t.Fatal(err)
	}
	return classes
}

// shared returns the path of a file of ../shared/data and skips the test if it is not there.
func shared(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "shared", "data", name)
	if _, err := os.Stat(path); err != nil {
		t.Skip(err)
	}
	return path
}

func TestReadClasses(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
		err        string
	}{
		{"empty", "", nil, "no classes"},
		{"blank", " \n\t\n", nil, "no classes"},
		{"one", "cat", []string{"cat"}, ""},
		{"order is kept", "b\na\n", []string{"b", "a"}, ""},
		{"whole lines", "n01440764 tench, Tinca tinca\r\n\n  n01443537\tgoldfish\r\n", []string{"n01440764 tench, Tinca tinca", "n01443537\tgoldfish"}, ""},
		{"twice", "a\n\nb\n a \n", nil, `line 4: class "a" is on line 1`},
		{"mark of the byte order", "\ufeffcat\r\ndog", []string{"cat", "dog"}, ""},
		{"UTF-16", "\xff\xfec\x00\n\x00", nil, "UTF-16"},
		{"Latin-1", "cat\ncaf\xe9", nil, "line 2 has the byte 0xe9"},
		{"long line", "a\n" + strings.Repeat("x", 1<<17), nil, "line 2 is longer than 65536 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ReadClasses(strings.NewReader(c.text))
			wantError(t, err, ErrList, c.err)
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestParseClasses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "list.txt")
	if err := os.WriteFile(file, []byte("cat\ndog\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for spec, want := range map[string][]string{"": nil, "idc": named(t, "idc"), file: {"cat", "dog"}} {
		if got, err := ParseClasses(spec); err != nil || !slices.Equal(got, want) {
			t.Errorf("ParseClasses(%q) = %q, %v; want %q", spec, got, err, want)
		}
	}
	_, err := ParseClasses(file + "x")
	wantError(t, err, ErrList, "want one of nette")
	_, err = NamedClasses("netter")
	wantError(t, err, ErrList, `none is called "netter"`)
}

// wantError checks that err wraps kind and has a text in its message, or that there is none if the
// text is "".
func wantError(t *testing.T, err, kind error, text string) {
	t.Helper()
	switch {
	case text == "" && err != nil:
		t.Errorf("error %v, want none", err)
	case text != "" && (!errors.Is(err, kind) || !strings.Contains(err.Error(), text)):
		t.Errorf("error %v, want one of kind %q with %q", err, kind, text)
	}
}

func FuzzReadClasses(f *testing.F) {
	f.Add("n01440764 tench\nn01443537\n")
	f.Add("\n\n a\tb\r\na")
	f.Fuzz(func(t *testing.T, text string) {
		classes, err := ReadClasses(strings.NewReader(text))
		if err != nil {
			wantError(t, err, ErrList, "not a usable list")
			return
		}
		again, err := ReadClasses(strings.NewReader(strings.Join(classes, "\n")))
		if err != nil || !slices.Equal(classes, again) {
			t.Errorf("read %q, written and read again %q, %v", classes, again, err)
		}
	})
}
