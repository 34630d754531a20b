package convert

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"mgd3/internal/fixtures"
	"mgd3/weights"
)

// TestWhole: a pipeline's folder of each kind becomes a checkpoint and a folder again, with the tensors that it came
// from, and that becomes the same checkpoint again.
func TestWhole(t *testing.T) {
	for kind, folders := range map[string][]string{
		"sd1": {"unet", "vae", "text_encoder"}, "sd2": {"unet", "vae", "text_encoder"},
		"sdxl": {"unet", "vae", "text_encoder", "text_encoder_2"}, "ldm": {"unet", "vqvae", "class_embedder"},
	} {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
			if err := fixtures.TextToImage(at("model"), kind); err != nil {
				t.Fatal(err)
			}
			first := wrote(t, Options{In: at("model"), Out: at("one/model.safetensors"), Names: Checkpoint})
			config, err := os.ReadFile(at("model/unet/config.json")) // no shape tells the number of heads
			if err := errors.Join(err, os.WriteFile(at("one/config.json"), config, 0o600)); err != nil {
				t.Fatal(err)
			}
			back := wrote(t, Options{In: at("one/model.safetensors"), Out: at("back"), Names: Pipeline})
			if len(back.Files) != len(folders) || first.Numbers < back.Numbers {
				t.Errorf("got %+v and %+v", first, back)
			}
			for _, folder := range folders {
				for _, f := range back.Files {
					if filepath.Dir(f) == folder {
						sameTensors(t, at("model/"+f), at("back/"+f))
					}
				}
			}
			wrote(t, Options{In: at("back"), Out: at("again.safetensors"), Names: Checkpoint})
			if !sameBytes(t, at("one/model.safetensors"), at("again.safetensors")) {
				t.Error("the checkpoint is another one")
			}
			if err := os.WriteFile(at("back/other"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Write(t.Context(), Options{In: at("one/model.safetensors"), Out: at("back"),
				Names: Pipeline}); !errors.Is(err, ErrOutput) {
				t.Errorf("a folder with other files: got %v", err)
			}
		})
	}
}

func wrote(t *testing.T, o Options) Result {
	t.Helper()
	r, err := Write(t.Context(), o)
	if err != nil {
		t.Fatalf("%+v: %v", o, err)
	}
	t.Log(r.Notes)
	return r
}

// sameTensors compares the tensors of two files.
func sameTensors(t *testing.T, a, b string) {
	t.Helper()
	x, errX := weights.Open(a)
	y, errY := weights.Open(b)
	if err := errors.Join(errX, errY); err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	defer y.Close()
	if !slices.Equal(x.Names(), y.Names()) {
		t.Errorf("%s has other names:\n%v\n%v", b, x.Names(), y.Names())
		return
	}
	for _, name := range x.Names() {
		v, errV := x.Tensor(name)
		w, errW := y.Tensor(name)
		if err := errors.Join(errV, errW); err != nil || v.DType != w.DType || !slices.Equal(v.Shape, w.Shape) ||
			!bytes.Equal(v.Bytes(), w.Bytes()) {
			t.Errorf("%s: %q is another one, %v", b, name, err)
		}
	}
}

func sameBytes(t *testing.T, a, b string) bool {
	t.Helper()
	x, errX := os.ReadFile(a)
	y, errY := os.ReadFile(b)
	if err := errors.Join(errX, errY); err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(x, y)
}

// TestNotWhole: what no checkpoint has a place for, and what is no whole model.
func TestNotWhole(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	if err := errors.Join(fixtures.TextToImage(at("sd"), "sd1"), fixtures.Model(at("dit"), 1)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		o    Options
		file string // that is written first
		text string
		kind error
	}{
		{"one network", Options{In: at("dit/dit"), Out: at("x"), Names: Pipeline}, "", "", weights.ErrMismatch},
		{"no U-Net", Options{In: at("dit"), Out: at("x.safetensors"), Names: Checkpoint}, "", "", os.ErrNotExist},
		{"another tokenizer", Options{In: at("sd"), Out: at("x.safetensors"), Names: Checkpoint},
			"sd/tokenizer/tokenizer_config.json", `{"pad_token": "!"}`, weights.ErrMismatch},
		{"another activation", Options{In: at("sd"), Out: at("x.safetensors"), Names: Checkpoint},
			"sd/text_encoder/config.json", `{"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2,
			"num_hidden_layers": 2}`, weights.ErrMismatch},
		{"another scale", Options{In: at("sd"), Out: at("x.safetensors"), Names: Checkpoint},
			"sd/vae/config.json", `{"block_out_channels": [32, 32], "scaling_factor": 0.5}`, weights.ErrMismatch},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.file != "" {
				before, err := os.ReadFile(at(c.file))
				if err := errors.Join(err, os.WriteFile(at(c.file), []byte(c.text), 0o600)); err != nil {
					t.Fatal(err)
				}
				defer os.WriteFile(at(c.file), before, 0o600)
			}
			if _, err := Write(t.Context(), c.o); !errors.Is(err, c.kind) {
				t.Errorf("got %v, want %v", err, c.kind)
			}
			if _, err := os.Stat(c.o.Out); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("there is %s, %v", c.o.Out, err)
			}
		})
	}
}
