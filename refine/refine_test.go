package refine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/internal/fixtures"
	"mgd3/internal/fixtures/tinyrun"
	"mgd3/modes"
	"mgd3/stage"
)

// collage is an image whose bytes all differ from their neighbours.
func collage(w, h int) *dataset.RGB {
	im := &dataset.RGB{W: w, H: h, Pix: make([]byte, 3*w*h)}
	for i := range im.Pix {
		im.Pix[i] = byte(i*7 + i/31)
	}
	return im
}

func setOf(t *testing.T, im *dataset.RGB) *dataset.Set {
	t.Helper()
	var png bytes.Buffer
	if err := dataset.WritePNG(&png, im); err != nil {
		t.Fatal(err)
	}
	class := dataset.Class{Name: "cat", Images: []dataset.Ref{{Class: "cat", Name: "0.png"}}}
	return dataset.FromFunc("a collage", []dataset.Class{class},
		func(dataset.Ref) ([]byte, error) { return png.Bytes(), nil })
}

// TestCutAndJoin: the pieces of a collage, joined as images of a run, are the collage.
func TestCutAndJoin(t *testing.T) {
	ctx, whole, out := context.Background(), collage(12, 9), t.TempDir()
	pieces := Cut(setOf(t, whole), 3)
	if n := len(pieces.Classes[0].Images); n != 9 {
		t.Fatalf("got %d pieces, want 9", n)
	}
	class := distill.ManifestClass{Name: "cat"}
	for sample := range pieces.Load(ctx, pieces.Classes[0].Images, dataset.LoadOptions{}) {
		if sample.Err != nil {
			t.Fatal(sample.Err)
		}
		if sample.Image.W != 4 || sample.Image.H != 3 {
			t.Fatalf("a piece of %d × %d, want 4 × 3", sample.Image.W, sample.Image.H)
		}
		file := fmt.Sprintf("images/cat/%04d.png", len(class.Images))
		var png bytes.Buffer
		if err := dataset.WritePNG(&png, sample.Image); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(out, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, png.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		class.Images = append(class.Images, distill.ManifestImage{File: file})
	}
	m := &distill.Manifest{Classes: []distill.ManifestClass{class}}
	if err := Join(ctx, out, 3, m); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(CollagesDir(out), "cat", "0000.png"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := dataset.Decode(data)
	if err != nil || got.W != whole.W || got.H != whole.H || !bytes.Equal(got.Pix, whole.Pix) {
		t.Errorf("the joined pieces are another image (%v)", err)
	}
	m.Classes[0].Images = class.Images[:8]
	if err := Join(ctx, out, 3, m); err == nil {
		t.Error("8 pieces of 3 × 3 collages: got no error")
	}
}

// TestCutUneven: an image that cannot be cut into equal pieces is an error when it is read.
func TestCutUneven(t *testing.T) {
	pieces := Cut(setOf(t, collage(10, 9)), 3)
	for sample := range pieces.Load(context.Background(), pieces.Classes[0].Images[:1], dataset.LoadOptions{}) {
		if sample.Err == nil {
			t.Error("got no error")
		}
	}
}

// TestFromZero: refined from no noise an image is what the autoencoder makes of it, to the byte; so it is in two
// shards, and where the command is given again and continues with what is there.
func TestFromZero(t *testing.T) {
	r := *tinyrun.Make(t)
	r.Settings.Sample.From = 0
	settings, err := Settings(r.Settings, r.Data)
	if err != nil {
		t.Fatal(err)
	}
	r.Settings, r.Out = settings, t.TempDir()
	for i := range 2 {
		r.Shard = stage.Shard{Index: i, Count: 2}
		if _, err := r.Do(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(r.Out, "images", "dog", "0002.png")); err != nil {
		t.Fatal(err)
	}
	r.Shard = stage.Whole
	m, err := r.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const size = fixtures.Size
	for i, class := range m.Classes {
		if len(class.Images) != len(r.Data.Classes[i].Images) {
			t.Errorf("class %q has %d images, want %d", class.Name, len(class.Images),
				len(r.Data.Classes[i].Images))
		}
		n := 0
		for sample := range r.Data.Load(t.Context(), r.Data.Classes[i].Images, dataset.LoadOptions{}) {
			pixels, back := make([]float32, 3*size*size), make([]float32, 3*size*size)
			shape, err := r.Autoencoder.LatentShape(size)
			if err != nil {
				t.Fatal(err)
			}
			code := make([]float32, shape[0]*shape[1]*shape[2])
			dataset.ToTensor(pixels, dataset.CropADM(sample.Image, size))
			if err := errors.Join(sample.Err, r.Autoencoder.EncodeMean(code, pixels, size),
				r.Autoencoder.DecodeTo(back, code, size)); err != nil {
				t.Fatal(err)
			}
			var want bytes.Buffer
			if err := dataset.WritePNG(&want, dataset.FromTensor(back, size, size)); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(r.Out, filepath.FromSlash(class.Images[n].File)))
			if err != nil || !bytes.Equal(got, want.Bytes()) {
				t.Errorf("%q: other bytes than encoding and decoding give (%v)", class.Images[n].File, err)
			}
			n++
		}
	}
}

func TestSettings(t *testing.T) {
	set := &dataset.Set{Classes: []dataset.Class{{Name: "a", Images: make([]dataset.Ref, 2)},
		{Name: "b", Images: make([]dataset.Ref, 3)}}}
	for from, want := range map[int]int{0: -1, 10: 10} {
		var s distill.Settings
		s.Sample.From = from
		got, err := Settings(s, set)
		if err != nil {
			t.Fatal(err)
		}
		if got.Sample.From != want || got.Modes.IPC != 3 || got.Modes.Method != distill.OwnModes ||
			got.Modes.Short != modes.ShortError {
			t.Errorf("from %d: got %+v of %+v", from, got.Sample.From, got.Modes)
		}
	}
	var s distill.Settings
	s.Sample.From = -1
	if _, err := Settings(s, set); err == nil {
		t.Error("from -1: got no error")
	}
	if _, err := Settings(distill.Settings{}, &dataset.Set{Classes: []dataset.Class{{Name: "empty"}}}); err == nil {
		t.Error("a class without images: got no error")
	}
}
