package distill

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/diffusion"
	"mgd3/dit"
	"mgd3/engine"
	"mgd3/internal/fixtures/golden"
	"mgd3/internal/fixtures/testengine"
	"mgd3/latent"
	"mgd3/weights"
)

// TestTrainedModel compares an autoencoder and a denoiser with what PyTorch computes with them: latents and
// reconstructions of pictures, one evaluation of the network, and a whole guided trajectory of 50 steps, λ 0.1, stop
// 25, cfg 4 on three channels. The networks are those of the golden cases and, where it is beside the repository, one
// that was trained on photographs.
func TestTrainedModel(t *testing.T) {
	for _, c := range golden.Some(t, "whole") {
		t.Run(c.Name, func(t *testing.T) {
			var of struct{ Model, Autoencoder string }
			c.Decode(t, &of)
			compareTrained(t, c.Path("check.safetensors"), c.Sibling(t, of.Autoencoder).Path("weights.safetensors"),
				denoiserOf(t, c.Sibling(t, of.Model)))
		})
	}
	dir := filepath.Join("..", "..", "shared", "models", "cifar10-tiny")
	if _, err := os.Stat(dir); err == nil && !testing.Short() { // some fifty evaluations of a larger network
		t.Run("cifar10-tiny", func(t *testing.T) {
			compareTrained(t, filepath.Join(dir, "check.safetensors"), filepath.Join(dir, "autoencoder"),
				filepath.Join(dir, "dit"))
		})
	}
}

// denoiserOf returns a folder with the denoiser of a case as we write ours.
func denoiserOf(t *testing.T, c golden.Case) string {
	t.Helper()
	var settings struct{ Hyper dit.Config }
	c.Decode(t, &settings)
	config, errConfig := json.Marshal(settings.Hyper)
	data, errData := os.ReadFile(c.Path("weights_dit.safetensors"))
	dir := t.TempDir()
	if err := errors.Join(errConfig, errData, os.WriteFile(filepath.Join(dir, "config.json"), config, 0o666),
		os.WriteFile(filepath.Join(dir, "model.safetensors"), data, 0o666)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func compareTrained(t *testing.T, numbers, autoencoder, denoiser string) {
	check, err := weights.Open(numbers)
	if err != nil {
		t.Fatal(err)
	}
	defer check.Close()
	e := testengine.Open(t)
	vae, errVAE := latent.Open(t.Context(), e, autoencoder)
	net, errNet := dit.Open(t.Context(), e, denoiser)
	if errVAE != nil || errNet != nil {
		t.Fatal(errVAE, errNet)
	}
	c := trained{t, check, vae, net, e}
	c.reconstruction()
	c.evaluation()
	c.trajectory()
}

type trained struct {
	*testing.T
	check *weights.File
	vae   *latent.Autoencoder
	net   *dit.Model
	e     *engine.Engine
}

func (c trained) floats(name string) []float32 {
	c.Helper()
	tensor, err := c.check.Tensor(name)
	if err != nil {
		c.Fatal(err)
	}
	data, err := tensor.Float32s()
	if err != nil {
		c.Fatal(err)
	}
	return data
}

func (c trained) ints(name string) []int64 {
	c.Helper()
	tensor, err := c.check.Tensor(name)
	if err != nil {
		c.Fatal(err)
	}
	data, err := tensor.Int64s()
	if err != nil {
		c.Fatal(err)
	}
	return data
}

func (c trained) size() int { return c.net.InputSize * c.vae.Downsampling() }

func (c trained) reconstruction() {
	pixels := c.ints("image_u8")
	images := make([]float32, len(pixels))
	for i, v := range pixels {
		images[i] = (float32(v)/255 - 0.5) / 0.5
	}
	want := c.floats("latent_mean_scaled")
	got := make([]float32, len(want))
	if err := c.vae.EncodeMean(got, images, c.size()); err != nil {
		c.Fatal(err)
	}
	golden.Compare(c.T, "latent_mean_scaled", got, want, 1e-4) // the scaling factor is about 1
	back := make([]float32, len(images))
	if err := c.vae.DecodeTo(back, want, c.size()); err != nil {
		c.Fatal(err)
	}
	golden.Compare(c.T, "reconstruction", back, c.floats("reconstruction"), 3e-4)
}

func (c trained) evaluation() {
	program, err := c.e.Compile("dit", c.net.Func, c.net.Weights)
	if err != nil {
		c.Fatal(err)
	}
	x := c.floats("dit_x")
	var times []float32
	var labels []int32
	for i, t := range c.ints("dit_t") {
		times, labels = append(times, float32(t)), append(labels, int32(c.ints("dit_y")[i]))
	}
	want := c.floats("dit_out")
	got := make([]float32, len(want))
	side := c.net.InputSize
	if err := program.Into(got, tensors.FromFlatDataAndDimensions(x, len(times), c.net.Channels, side, side),
		tensors.FromValue(times), tensors.FromValue(labels)); err != nil {
		c.Fatal(err)
	}
	golden.Compare(c.T, "dit_out", got, want, 1e-4)
}

func (c trained) trajectory() {
	settings, err := diffusion.Published(diffusion.DDPM)
	if err != nil {
		c.Fatal(err)
	}
	sampler, err := diffusion.New(settings)
	if err != nil {
		c.Fatal(err)
	}
	program, err := c.e.Compile("step", c.net.Step(sampler), c.net.Weights)
	if err != nil {
		c.Fatal(err)
	}
	start, noise := c.floats("start"), c.floats("noise") // noise [50, 1 or 2, C, h, w]: row 0 counts
	side, perStep := c.net.InputSize, len(noise)/len(sampler.Steps())
	got, err := sampler.Run(c.Context(), func(x, label, mode, z, coef *tensors.Tensor) (*tensors.Tensor, error) {
		return program.Run1(x, label, mode, z, coef)
	}, diffusion.Batch{
		Dims: [3]int{c.net.Channels, side, side}, Labels: []int32{int32(c.ints("label")[0])}, Modes: c.floats("mode"),
		Noise: func(_, step int, dst []float32) {
			if step < 0 {
				copy(dst, start)
				return
			}
			copy(dst, noise[step*perStep:])
		},
	})
	if err != nil {
		c.Fatal(err)
	}
	want := c.floats("final_latent")
	golden.Compare(c.T, "final_latent", got, want, 1e-3)
	image := make([]float32, 3*c.size()*c.size())
	if err := c.vae.DecodeTo(image, want, c.size()); err != nil {
		c.Fatal(err)
	}
	golden.Compare(c.T, "final_image", image, c.floats("final_image"), 3e-4)
}
