package dataset

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFieldSetsSay: what is passed over, replaced or guessed is said.
func TestFieldSetsSay(t *testing.T) {
	tests := fieldTests(t)
	extra := maps.Clone(tinyImageNet)
	extra["val/images/val_9.JPEG"] = "x"
	caltech := files{"101_ObjectCategories/BACKGROUND_Google/1.jpg": "a", "101_ObjectCategories/ant/1.jpg": "b"}
	for _, test := range []struct {
		name string
		in   files
		o    OpenOptions
		want string // "" for nothing
	}{
		{"an image in no list", extra, OpenOptions{Split: "val"}, passedList + `: "val/images/val_9.JPEG"`},
		{"all in lists of some split", tests["Food-101"].in, OpenOptions{Split: "test"}, ""},
		{"another file", tests["Caltech-101"].in, OpenOptions{Classes: []string{"ant"}}, passedEnding +
			`: "101_ObjectCategories/BACKGROUND_Google/tmp"`},
		{"a folder in a class", files{"256_ObjectCategories/056.dog/1.jpg": "a",
			"256_ObjectCategories/056.dog/greg/vw.jpg": "b"},
			OpenOptions{}, passedNested + `: "256_ObjectCategories/056.dog/greg/vw.jpg"`},
		{"clutter", caltech, OpenOptions{}, takenClutter + `: "BACKGROUND_Google"`},
		{"no clutter", caltech, OpenOptions{Classes: []string{"ant"}}, ""},
		{"a slash", tests["FGVC-Aircraft"].in, OpenOptions{Split: "trainval"}, takenSlash + `: "F/A-18"`},
		{"from one", files{"1/a.jpg": "a", "2/a.jpg": "b"}, OpenOptions{Names: []string{"cat", "dog"}}, takenFromOne +
			`: "1"`},
		{"names of other folders", files{"cow/a.jpg": "a", "owl/a.jpg": "b"},
			OpenOptions{Names: []string{"cat", "dog"}}, passedNames + `: 2, "cow" for one`},
		{"names of these folders", files{"cat/a.jpg": "a", "dog/a.jpg": "b"},
			OpenOptions{Names: []string{"cat", "dog"}}, ""},
	} {
		set, err := Open(t.Context(), makeFolder(t, test.in), test.o)
		must(t, err)
		got := ""
		for _, p := range set.PassedOver {
			got += p.String()
		}
		if got != test.want {
			t.Errorf("%s: said %q, want %q", test.name, got, test.want)
		}
		must(t, set.Close())
	}
}

// TestColumns: SVHN and STL-10 store their planes column by column.
func TestColumns(t *testing.T) {
	pixel := func(in files, o OpenOptions, class, image, x, y int) string {
		set, err := Open(t.Context(), makeFolder(t, in), o)
		must(t, err)
		defer set.Close()
		data, err := set.Read(set.Classes[class].Images[image])
		must(t, err)
		im, err := Decode(data)
		must(t, err)
		return fmt.Sprint(im.Pix[3*(y*im.W+x):][:3])
	}
	if got := pixel(files{"train_32x32.mat": matGolden(t, "svhn")}, OpenOptions{Split: "train"}, 1, 0, 2,
		1); got != "[10 20 30]" {
		t.Errorf("SVHN: %s", got)
	}
	row := make([]byte, 3*stlSide*stlSide)
	for plane := range 3 {
		row[plane*stlSide*stlSide+5*stlSide+7] = byte(10 * (plane + 1)) // column 5, row 7
	}
	if got := pixel(files{"train_X.bin": string(row), "train_y.bin": "\x01"}, OpenOptions{Split: "train"}, 0, 0, 5,
		7); got != "[10 20 30]" {
		t.Errorf("STL-10: %s", got)
	}
}

// FuzzLists: whatever a list says, an image comes out once and under a name that can be a folder's, or there is an
// error.
func FuzzLists(f *testing.F) {
	f.Add("val_0.JPEG\tn01629819\t0\t32\t44\t62\nval_1.JPEG\tn01443537\n")
	f.Add("\ufeffval_0.JPEG ../x\r\n")
	f.Add("../../test/images/test_0.JPEG x\nval_0.JPEG a/b")
	dir := makeFolder(f, tinyImageNet)
	f.Fuzz(func(t *testing.T, list string) {
		must(t, os.WriteFile(filepath.Join(dir, "val", "val_annotations.txt"), []byte(list), 0o666))
		set, err := Open(t.Context(), dir, OpenOptions{Split: "val"})
		if err != nil {
			return
		}
		defer set.Close()
		seen := map[string]bool{}
		for _, class := range set.Classes {
			must(t, CheckClassName(class.Name))
			for _, ref := range class.Images {
				if !strings.HasPrefix(ref.Name, "val_") || seen[ref.Name] {
					t.Errorf("image %q of class %q", ref.Name, class.Name)
				}
				seen[ref.Name] = true
			}
		}
	})
}
