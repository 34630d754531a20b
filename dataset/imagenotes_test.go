package dataset

import (
	"context"
	"errors"
	"testing"
)

// TestImageNotes: notes come once for each image and kind, with the first image in byte order, whatever the order of
// reading; to a strict reader the first is an error.
func TestImageNotes(t *testing.T) {
	whole := pngOf(t, 4, 3, 1)
	cut, extra := whole[:len(whole)-12], "\xff\x00"
	photo := string(encodeJPEG(t, texture(16, 16), 90))
	files := map[string]string{
		"a": whole, "b": cut, "c": cut,
		"d": photo[:len(photo)-2] + "\x11\x22\x33" + photo[len(photo)-2:], "e": cut + extra,
	}
	var refs []Ref
	for _, name := range []string{"e", "c", "a", "d", "b", "c"} {
		refs = append(refs, Ref{Class: "k", Name: name})
	}
	set := FromFunc("set", []Class{{"k", refs}}, func(ref Ref) ([]byte, error) { return []byte(files[ref.Name]), nil })
	for range 2 {
		for sample := range set.Load(context.Background(), refs, LoadOptions{}) {
			must(t, sample.Err)
		}
	}
	want := []string{
		`3 images: the file is damaged, but all pixels are there; "k/b" for one: it ends before the chunk IEND`,
		`image "k/d": the file may be damaged: its pixels end 3 bytes before their data do`,
	}
	got := set.ImageNotes()
	if len(got) != len(want) {
		t.Fatalf("%v, want %q", got, want)
	}
	for i := range want {
		if got[i].String() != want[i] {
			t.Errorf("%s, want %s", got[i], want[i])
		}
	}

	set.strict = true
	for sample := range set.Load(context.Background(), refs, LoadOptions{}) {
		if damaged := sample.Ref.Name != "a"; errors.Is(sample.Err, ErrPassedOver) != damaged ||
			errors.Is(sample.Err, ErrImage) {
			t.Errorf("strict, %s: %v", sample.Ref, sample.Err)
		}
	}
}
