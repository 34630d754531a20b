package dataset

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestHub opens Parquet files that the library `datasets` wrote (testdata/hub/make.py): in one file, in two, and by
// CIFAR-100's names of columns, and as WebDatasets become Parquet; classes, their labels, and pixels.
func TestHub(t *testing.T) {
	names := []string{"owl", "cat", "dog"} // of the labels 0, 1, 2, 0, 1, 2
	for _, name := range []string{"one", "two", "cifar100", "webdataset_cls", "webdataset_json"} {
		t.Run(name, func(t *testing.T) {
			o := OpenOptions{Split: "train"}
			if strings.HasPrefix(name, "webdataset") {
				o.Names = names
			}
			s, err := Open(t.Context(), filepath.Join("testdata", "hub", name), o)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if got := s.ClassNames(); !slices.Equal(slices.Sorted(slices.Values(got)), []string{"cat", "dog", "owl"}) {
				t.Fatalf("classes %q", got)
			}
			for _, c := range s.Classes {
				i := slices.Index(names, c.Name)
				for sample := range s.Load(t.Context(), c.Images, LoadOptions{}) {
					if sample.Err != nil {
						t.Fatal(sample.Err)
					}
					if im := sample.Image; im.W != 8 || im.H != 8 || !bytes.Equal(im.Pix, hubPixels(i)) {
						t.Errorf("%v has other pixels than image %d", sample.Ref, i)
					}
					i += len(names)
				}
				if want := slices.Index(names, c.Name) + 6; i != want {
					t.Errorf("class %q has %d images, want 2", c.Name, len(c.Images))
				}
			}
		})
	}
}

// hubPixels is image i of make.py.
func hubPixels(i int) (pixels []uint8) {
	for y := range 8 {
		for x := range 8 {
			for c := range 3 {
				pixels = append(pixels, uint8(37*i+91*c+13*y*y+29*x+7*x*y))
			}
		}
	}
	return pixels
}
