package dataset

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

// TestView: a view has the images of its set after the options, by Load and as files alike, and says whose are
// unreadable.
func TestView(t *testing.T) {
	im := &RGB{W: 2, H: 1, Pix: []byte{1, 2, 3, 4, 5, 6}}
	var file bytes.Buffer
	if err := WritePNG(&file, im); err != nil {
		t.Fatal(err)
	}
	good, bad := Ref{Class: "cat", Name: "a.png"}, Ref{Class: "cat", Name: "b.png"}
	set := FromFunc("drawn", []Class{{Name: "cat", Images: []Ref{good, bad}}}, func(ref Ref) ([]byte, error) {
		if ref == bad {
			return []byte("no picture"), nil
		}
		return file.Bytes(), nil
	})
	v := View("mirrored", set, set.Classes, LoadOptions{Then: Flip})
	want := Flip(im)
	load := func(o LoadOptions, ref Ref) (got Sample) {
		for got = range v.Load(t.Context(), []Ref{ref}, o) {
		}
		return got
	}
	if got := load(LoadOptions{}, good); got.Err != nil || got.Ref != good || !slices.Equal(got.Image.Pix, want.Pix) {
		t.Errorf("got %+v, want the mirror image", got)
	}
	if got := load(LoadOptions{Then: Flip}, good); got.Err != nil || !slices.Equal(got.Image.Pix, im.Pix) {
		t.Errorf("mirrored twice: got %+v, want the image", got)
	}
	data, err := v.Read(good)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Decode(data); err != nil || !slices.Equal(got.Pix, want.Pix) {
		t.Errorf("its file is %v, error %v, want the mirror image", got, err)
	}
	if got := load(LoadOptions{}, bad); !errors.Is(got.Err, ErrImage) {
		t.Errorf("got error %v, want an ErrImage", got.Err)
	}
	if _, err := v.Read(bad); !errors.Is(err, ErrImage) {
		t.Errorf("as a file: got error %v, want an ErrImage", err)
	}
	if w, h, err := v.Dimensions(good); w != 2 || h != 1 || err != nil {
		t.Errorf("got %d x %d, error %v, want 2 x 1", w, h, err)
	}
}
