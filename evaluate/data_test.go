package evaluate

import (
	"bytes"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"mgd3/dataset"
)

// TestData: labels follow the classes, and an image is the central square, whether it is kept or read again.
func TestData(t *testing.T) {
	im := gradient(30, 20)
	want := dataset.CropCenter(im, 10).Pix
	var file bytes.Buffer
	if err := dataset.WritePNG(&file, im); err != nil {
		t.Fatal(err)
	}
	classes := []dataset.Class{
		{Name: "one", Images: []dataset.Ref{{Class: "one", Name: "a.png"}}},
		{Name: "two", Images: []dataset.Ref{{Class: "two", Name: "b.png"}, {Class: "two", Name: "c.png"}}},
	}
	for name, test := range map[string]struct {
		memory int64
		reads  int32
	}{
		"by default": {0, 1},
		"just room":  {3 * 300, 1},
		"no room":    {3*300 - 1, 2},
		"none":       {-1, 2},
	} {
		var reads atomic.Int32
		set := dataset.FromFunc("set", classes,
			func(dataset.Ref) ([]byte, error) { reads.Add(1); return file.Bytes(), nil })
		d := newData(t, set, DataOptions{Size: 10, Memory: test.memory})
		if d.Len() != 3 || !slices.Equal(d.Labels, []int32{0, 1, 1}) ||
			!slices.Equal(d.Classes, []string{"one", "two"}) {
			t.Errorf("got labels %v of %v", d.Labels, d.Classes)
		}
		for range 2 {
			got, err := d.Image(t.Context(), 2)
			if err != nil {
				t.Fatal(err)
			}
			if got.W != 10 || got.H != 10 || !bytes.Equal(got.Pix, want) {
				t.Errorf("%s: the image is not the central square", name)
			}
		}
		if reads.Load() != test.reads {
			t.Errorf("%s: read %d times, want %d", name, reads.Load(), test.reads)
		}
		if got, want := FactsOf(set, "convnet3", 20),
			(Facts{IPC: 2, Classes: 2, Images: 3, Size: 20, Net: "convnet3"}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestDataRefused(t *testing.T) {
	empty := dataset.FromFunc("set", []dataset.Class{{Name: "one"}}, nil)
	if _, err := NewData(empty, DataOptions{Size: 10}); !errors.Is(err, ErrData) {
		t.Errorf("a class without images: got %v, want an ErrData", err)
	}
	if _, err := NewData(drawn("train", 1, 8), DataOptions{}); err == nil {
		t.Error("images of no size: want an error")
	}
}

// TestSide: the size is the published one unless all images are smaller, whichever comes first.
func TestSide(t *testing.T) {
	set := func(sides ...int) *dataset.Set {
		files := map[string][]byte{}
		class := dataset.Class{Name: "one"}
		for i, side := range sides {
			name := string(rune('a' + i))
			var file bytes.Buffer
			if side > 0 {
				if err := dataset.WritePNG(&file, gradient(side+3, side)); err != nil {
					t.Fatal(err)
				}
			}
			files[name] = file.Bytes()
			class.Images = append(class.Images, dataset.Ref{Class: "one", Name: name})
		}
		return dataset.FromFunc("set", []dataset.Class{class},
			func(ref dataset.Ref) ([]byte, error) { return files[ref.Name], nil })
	}
	for _, test := range []struct {
		name string
		sets []*dataset.Set
		want int
	}{
		{"a small one first", []*dataset.Set{set(48, 300, 300)}, 224},
		{"a small one last", []*dataset.Set{set(300, 48)}, 224},
		{"just enough", []*dataset.Set{set(223, 224)}, 224},
		{"all small", []*dataset.Set{set(32, 48, 40)}, 48},
		{"a small set first", []*dataset.Set{set(32), set(256)}, 224},
		{"a small set last", []*dataset.Set{set(256), set(32)}, 224},
		{"one that cannot be read first", []*dataset.Set{set(0, 64)}, 64},
	} {
		if got, err := Side(t.Context(), 224, test.sets...); err != nil || got != test.want {
			t.Errorf("%s: %d pixels, %v, want %d", test.name, got, err, test.want)
		}
	}
	if got, err := Side(t.Context(), 224, set(0, 0)); !errors.Is(err, dataset.ErrImage) {
		t.Errorf("nothing that can be read: %d, %v, want an error", got, err)
	}
}
