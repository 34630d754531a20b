package dataset

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// lists are the named lists, with the SHA-256 of their lines as the authors' files have them, "" where there is no
// file.
var lists = map[string]string{
	"nette":       "7fd320a0db9278e1d61bad4b60fa16be117f8d8adcfe4d03fb5c95672bae6033",
	"woof":        "3cc5c8eb86446961a0d577dda6312ac92d4a00dab1efafde79b4a7c152743f54",
	"idc":         "3b6f5e0c4b7efc865a4bc3580e854f71e16266d4eac91f7d48768fa8af01da61",
	"imagenet100": "b06db93f7ac2851ef476c162d6c4cbba17197be0269c88005add46486f682cb0",
	"imagenet1k":  "385e0240499426c022b773be1ae4da780f057b89c9694c7f47199f62746b6edd",
	"ilsvrc":      "", "imagenet-a": "", "imagenet-b": "", "imagenet-c": "", "imagenet-d": "", "imagenet-e": "",
}

func TestNamedClasses(t *testing.T) {
	if got, want := slices.Sorted(slices.Values(ListNames())),
		slices.Sorted(maps.Keys(lists)); !slices.Equal(got, want) {
		t.Errorf("ListNames() = %q, want %q", got, want)
	}
	all := named(t, "imagenet1k")
	if len(all) != 1000 || !slices.IsSorted(all) {
		t.Errorf("imagenet1k has %d classes, sorted %v; want 1000, sorted", len(all), slices.IsSorted(all))
	}
	for name, want := range lists {
		classes := named(t, name)
		for _, c := range classes {
			if _, found := slices.BinarySearch(all, c); !found {
				t.Errorf("%s: class %s is not in imagenet1k", name, c)
			}
		}
		if n := len(slices.Compact(slices.Sorted(slices.Values(classes)))); n != len(classes) {
			t.Errorf("%s: %d classes, %d different", name, len(classes), n)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(classes, "\n")))); want != "" && got != want {
			t.Errorf("%s: its lines have SHA-256 %s, want %s", name, got, want)
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

// beside is the path of a set of real images, which need not be there.
func beside(name string) string { return filepath.Join("..", "..", "shared", "data", name) }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
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
		{"whole lines", "n01440764 tench, Tinca tinca\r\n\n  n01443537\tgoldfish\r\n",
			[]string{"n01440764 tench, Tinca tinca", "n01443537\tgoldfish"}, ""},
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
