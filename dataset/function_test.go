package dataset

import (
	"bytes"
	"errors"
	"testing"
)

func TestFromFunc(t *testing.T) {
	var file bytes.Buffer
	want := newRGB(2, 1)
	copy(want.Pix, []uint8{1, 2, 3, 4, 5, 6})
	if err := WritePNG(&file, want); err != nil {
		t.Fatal(err)
	}
	torn := errors.New("torn")
	refs := []Ref{{Class: "cat", Name: "0.png"}, {Class: "cat", Name: "1.png"}}
	s := FromFunc("drawn", []Class{{Name: "cat", Images: refs}}, func(ref Ref) ([]byte, error) {
		if ref == refs[1] {
			return nil, torn
		}
		return file.Bytes(), nil
	})
	var got []Sample
	for sample := range s.Load(t.Context(), s.Classes[0].Images, LoadOptions{}) {
		got = append(got, sample)
	}
	if len(got) != 2 || got[0].Err != nil || !bytes.Equal(got[0].Image.Pix, want.Pix) {
		t.Errorf("loaded %v, want the image and an error", got)
	}
	wantError(t, got[1].Err, ErrImage, "drawn: cat/1.png")
	if !errors.Is(got[1].Err, torn) {
		t.Errorf("error %v does not wrap that of the function", got[1].Err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
