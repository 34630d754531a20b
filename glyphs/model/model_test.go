package model

import (
	"encoding/json"
	"io/fs"
	"strings"
	"testing"

	"mgd3/dit"
	"mgd3/glyphs"
	"mgd3/internal/fixtures/testengine"
	"mgd3/latent"
	"mgd3/weights"
)

// TestFiles opens the model: its parts fit each other and the glyphs, its weights have half precision and are
// small, and its record says that it was trained on the train split alone.
func TestFiles(t *testing.T) {
	e := testengine.Open(t)
	autoencoder, err := latent.OpenFS(t.Context(), e, Files, "autoencoder")
	if err != nil {
		t.Fatal(err)
	}
	denoiser, err := dit.OpenFS(t.Context(), e, Files, "dit")
	if err != nil {
		t.Fatal(err)
	}
	if side := denoiser.InputSize * autoencoder.Downsampling(); side != glyphs.Size ||
		denoiser.Channels != autoencoder.LatentChannels {
		t.Errorf("the denoiser is of images of %d pixels and %d channels, want %d and %d", side, denoiser.Channels,
			glyphs.Size, autoencoder.LatentChannels)
	}
	classes, err := fs.ReadFile(Files, "classes.txt")
	if got := strings.Join(strings.Fields(string(classes)), ""); err != nil || got != glyphs.Letters {
		t.Errorf("classes %s, %v; want %s", got, err, glyphs.Letters)
	}
	for _, dir := range []string{"autoencoder", "dit"} {
		checkHalf(t, dir)
		checkRecord(t, dir)
	}
	checkSize(t)
}

// checkHalf: every tensor is F16.
func checkHalf(t *testing.T, dir string) {
	f, err := weights.OpenFS(Files, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, name := range f.Names() {
		tensor, err := f.Tensor(name)
		if err != nil || tensor.DType != "F16" {
			t.Errorf("%s: %s is %s, %v; want F16", dir, name, tensor.DType, err)
		}
	}
}

func checkRecord(t *testing.T, dir string) {
	text, err := fs.ReadFile(Files, dir+"/training.json")
	if err != nil {
		t.Fatal(err)
	}
	var record struct {
		Licence string
		Images  struct{ Split string }
	}
	if err := json.Unmarshal(text, &record); err != nil || record.Images.Split != "train" || record.Licence == "" {
		t.Errorf("%s: trained on %q under licence %q, %v; want train, and a licence", dir, record.Images.Split,
			record.Licence, err)
	}
}

// checkSize: what travels in every program is below 12 MB.
func checkSize(t *testing.T) {
	var total int64
	err := fs.WalkDir(Files, ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if err != nil || total > 12e6 {
		t.Errorf("the model has %d bytes, %v; want at most 12 MB", total, err)
	}
}
