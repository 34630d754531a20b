package study

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"mgd3/dataset"
	"mgd3/diffusion"
	"mgd3/distill"
	"mgd3/dit"
	"mgd3/engine"
	"mgd3/internal/tiny"
	"mgd3/latent"
	"mgd3/modes"
)

// tinyOptions are options over a tiny model and n real images per class.
func tinyOptions(t testing.TB, n int) Options {
	t.Helper()
	dir := t.TempDir()
	model, set := filepath.Join(dir, "model"), filepath.Join(dir, "set")
	e, errE := engine.Open("cpu")
	if err := errors.Join(errE, tiny.Model(model, 1), tiny.Images(set, n)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	ctx := t.Context()
	autoencoder, errA := latent.Open(ctx, e, filepath.Join(model, "autoencoder"))
	denoiser, errD := dit.Open(ctx, e, filepath.Join(model, "dit"))
	train, errT := dataset.Open(ctx, set, dataset.OpenOptions{Split: "train"})
	sample, errS := diffusion.Published(diffusion.DDPM)
	if err := errors.Join(errA, errD, errT, errS); err != nil {
		t.Fatal(err)
	}
	sample.Respacing, sample.Stop, sample.Lambda = "6", 3, 0.3
	return Options{
		Settings: distill.Settings{
			Encode: distill.EncodeSettings{Split: "train", Size: tiny.Size, Crop: distill.CropADM},
			Modes:  distill.ModeSettings{Method: modes.KMeans, Short: modes.ShortError},
			Sample: distill.SampleSettings{Settings: sample},
		},
		Train: train, Engine: e, Autoencoder: autoencoder, Denoiser: denoiser, ClassNames: tiny.Classes,
		Out: filepath.Join(dir, "out"), Batch: 4,
	}
}

// images returns the bytes of a set's images by their path.
func images(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(distill.ImagesDir(dir), "*", "*.png"))
	if err != nil {
		t.Fatal(err)
	}
	bytes := map[string]string{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name, _ := filepath.Rel(dir, file)
		bytes[name] = string(data)
	}
	return bytes
}

func make2(t *testing.T, o Options, m Method, ipc int, seed uint64) string {
	t.Helper()
	dir, err := Make(t.Context(), o, m, ipc, seed)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
