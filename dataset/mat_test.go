package dataset

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// golden is a MAT-file that SciPy wrote; testdata/mat/make.py says what is in it.
func matGolden(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "mat", name+".mat"))
	must(t, err)
	return string(data)
}

// TestReadMat reads what SciPy wrote: numbers column by column, text, structs and cells.
func TestReadMat(t *testing.T) {
	vars, err := readMat([]byte(matGolden(t, "numbers")))
	must(t, err)
	for name, want := range map[string][]int{"bytes": {1, 4, 2, 5, 3, 255}, "reals": {1, 300, 2, -4},
		"words": {1, 65535}, "nothing": {}} {
		if got, err := vars[name].ints(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, want)
		}
	}
	if _, err := vars["half"].ints(); err == nil || !strings.Contains(err.Error(), "0.5, want a whole number") {
		t.Errorf("half: error %v", err)
	}
	if got, err := vars["text"].text(); err != nil || got != "Grüße" {
		t.Errorf("text: got %q, %v", got, err)
	}
	if fmt.Sprint(vars["bytes"].dims) != "[2 3]" {
		t.Errorf("dims %v", vars["bytes"].dims)
	}
	cars, err := readMat([]byte(matGolden(t, "cars")))
	must(t, err)
	if name, err := cars["annotations"].fields["fname"][1].text(); err != nil || name != "00002.jpg" {
		t.Errorf("fname: %q, %v", name, err)
	}
	if name, err := oneOf(cars["class_names"].cells, cars["annotations"].fields["class"][0]); err != nil ||
		name != "Ram C/V Cargo Van Minivan 2012" {
		t.Errorf("class: %q, %v", name, err)
	}
}

func TestReadMatRefuses(t *testing.T) {
	whole := matGolden(t, "numbers")
	packed := matGolden(t, "flowers")
	for name, c := range map[string]struct{ data, want string }{
		"HDF5":         {"MATLAB 7.3 MAT-file, Platform: GLNXA64" + strings.Repeat(" ", 200), "version 7.3 (HDF5)"},
		"plain HDF5":   {"\x89HDF\r\n\x1a\n" + strings.Repeat(" ", 200), "version 7.3 (HDF5)"},
		"empty":        {"", "too short"},
		"a page":       {strings.Repeat("<html>", 40), "is no MAT-file"},
		"another":      {whole[:124] + "\x00\x02IM", "version 0x200"},
		"cut":          {whole[:len(whole)-20], "ends within an element"},
		"cut, packed":  {packed[:len(packed)-9], "ends within an element"},
		"flipped":      {packed[:150] + string(packed[150]^1) + packed[151:], ""},
		"giant inside": {whole[:128] + "\x0e\x00\x00\x00\xff\xff\xff\x7f", "ends within an element"},
	} {
		if _, err := readMat([]byte(c.data)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

// FuzzReadMat: whatever the bytes, no more numbers come out than bytes went in unless they are compressed, and reading
// again gives the same.
func FuzzReadMat(f *testing.F) {
	for _, name := range []string{"numbers", "flowers", "cars", "dogs", "synsets"} {
		f.Add([]byte(matGolden(f, name)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		vars, err := readMat(data)
		again, errAgain := readMat(data)
		if fmt.Sprint(err) != fmt.Sprint(errAgain) || fmt.Sprint(vars) != fmt.Sprint(again) {
			t.Fatalf("two readings differ: %v and %v", err, errAgain)
		}
		for _, v := range vars {
			if list, err := v.ints(); err == nil && len(list) > 1032*len(data) {
				t.Errorf("%d numbers of %d bytes", len(list), len(data))
			}
			_, _ = v.text()
		}
	})
}
