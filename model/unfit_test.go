package model

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"mgd3/weights"
)

// withTensors is a file of tensors of these names.
func withTensors(t *testing.T, names ...string) []byte {
	t.Helper()
	var tensors []weights.Tensor
	for _, name := range names {
		tensors = append(tensors, weights.F32(name, []int{1}, []float32{1}))
	}
	var data bytes.Buffer
	if err := weights.Write(&data, tensors, nil); err != nil {
		t.Fatal(err)
	}
	return data.Bytes()
}

// TestOneFile: a file alone that is no denoiser is called what it is, and is not asked for an autoencoder.
func TestOneFile(t *testing.T) {
	const net = "model.diffusion_model.input_blocks.0.0.weight"
	for _, c := range []struct {
		name  string
		names []string
		cut   int
		want  string
	}{
		{"DiT", []string{"x_embedder.proj.weight"}, 0, "is one file, want the"},
		{"LoRA", []string{"lora_te_text_model_encoder.lora_down.weight"}, 0, "this is a LoRA"},
		{"autoencoder", []string{"decoder.conv_in.weight"}, 0, "this is an autoencoder; want a denoiser"},
		{"no text encoder", []string{net, "first_stage_model.decoder.conv_in.weight"}, 0, "want a text encoder"},
		{"refiner", []string{net, "conditioner.embedders.0.model.ln_final.bias"}, 0, `there is "conditioner"`},
		{"cut short", []string{"x_embedder.proj.weight"}, 2, "cut short"},
	} {
		data := withTensors(t, c.names...)
		file := &fstest.MapFile{Data: data[:len(data)-c.cut]}
		n := Networks{Model: Folder{fstest.MapFS{"x.safetensors": file}, "x.safetensors"}}
		_, err := n.Find(Autoencoder)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", c.name, err, c.want)
		}
		if errors.Is(err, ErrOneFile) != (c.name == "DiT") {
			t.Errorf("%s: it is asked for an autoencoder: %v", c.name, err)
		}
	}
}
