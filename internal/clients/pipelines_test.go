package clients

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/convert"
	"mgd3/dataset"
	"mgd3/encode"
	"mgd3/internal/fixtures"
	"mgd3/internal/fixtures/testengine"
	"mgd3/latent"
	"mgd3/train"
)

// TestPipelines: diffusers opens the pipeline that a training writes, and the folders and single files that convert
// makes of each other, with its own rules of conversion.
func TestPipelines(t *testing.T) {
	if os.Getenv("MGD3_TEST_PYTHON") == "" {
		python(t, "") // skips
	}
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	for _, kind := range []string{"sd1", "sd2", "sdxl", "ldm"} {
		one := at(kind + ".one/model.safetensors")
		if err := fixtures.TextToImage(at(kind), kind); err != nil {
			t.Fatal(err)
		}
		_, err := convert.Write(t.Context(), convert.Options{In: at(kind), Out: one, Names: convert.Checkpoint})
		config, errR := os.ReadFile(at(kind + "/unet/config.json"))
		if err := errors.Join(err, errR, os.WriteFile(at(kind+".one/config.json"), config, 0o600)); err != nil {
			t.Fatal(err)
		}
		if _, err := convert.Write(t.Context(), convert.Options{In: one, Out: at(kind + ".back"),
			Names: convert.Pipeline}); err != nil {
			t.Fatal(err)
		}
	}
	trainPipeline(t, at("set"), at("sd1/vae"), at("trained"))
	out := python(t, "pipelines.py", dir)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 2+2*3+1+2*3+1+2*4+1+2 {
		t.Errorf("got %d lines:\n%s", len(lines), out)
	}
	for _, line := range lines {
		if t.Log(line); !strings.HasPrefix(line, "ok ") {
			t.Error(line)
		}
	}
}

// trainPipeline trains a U-Net for two steps, in the latents of an autoencoder.
func trainPipeline(t *testing.T, data, vae, out string) {
	t.Helper()
	ctx, e := t.Context(), testengine.Open(t)
	if err := fixtures.Images(data, 2); err != nil {
		t.Fatal(err)
	}
	set, err := dataset.Open(ctx, data, dataset.OpenOptions{Split: "train"})
	if err != nil {
		t.Fatal(err)
	}
	a, err := latent.Open(ctx, e, vae)
	if err != nil {
		t.Fatal(err)
	}
	prompts := map[string]string{}
	for _, class := range set.ClassNames() {
		prompts[class] = "letter " + class
	}
	if err := train.TrainUNet(ctx, train.Options{Engine: e, Data: set, Out: out,
		Images: train.Images{Size: fixtures.Size, Crop: encode.CropADM}, CheckpointEvery: 4,
		Protocol: train.Protocol{Steps: 2, Batch: 2, Rate: 1e-3, Schedule: train.Constant, Beta1: 0.9, Beta2: 0.99,
			Epsilon: 1e-8, Clip: 1, EMA: 0.9, LogEvery: 1},
	}, a, train.UNetSettings{Widths: []int{8, 16}, Layers: 1, Heads: 2, Groups: 4, Context: 8, Prompts: prompts,
		SampleSteps: 1}); err != nil {
		t.Fatal(err)
	}
	if whole, err := train.WritePipeline(out, vae); err != nil || !whole {
		t.Fatal(whole, err)
	}
}
