package weights

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ldmNames returns, for each kind of model, diffusers' name of every tensor by its name in the first programs, as
// diffusers' own conversion has it: testdata/golden/make/ldm_names.py.
func ldmNames(t *testing.T) map[string]map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "ldm_names.txt.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unpacked, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]string{}
	for lines := bufio.NewScanner(unpacked); lines.Scan(); {
		parts := strings.Fields(lines.Text())
		if all[parts[0]] == nil {
			all[parts[0]] = map[string]string{}
		}
		all[parts[0]][parts[1]] = parts[2]
	}
	return all
}

// fileOf writes a file of tensors of one number each, the number of their place in names.
func fileOf(t *testing.T, names ...string) *File {
	t.Helper()
	var list []Tensor
	for i, name := range names {
		list = append(list, F32(name, []int{1}, []float32{float32(i)}))
	}
	return fileWith(t, list)
}

// fileWith writes a file of tensors and opens it.
func fileWith(t *testing.T, list []Tensor) *File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.safetensors")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(Write(out, list, nil), out.Close()); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestUNetNames goes through every tensor of the published models, in the checkpoint of a whole model, in one of the
// denoiser alone, and under diffusers' names, which stay.
func TestUNetNames(t *testing.T) {
	for kind, names := range ldmNames(t) {
		for _, form := range []string{"whole", "alone", "diffusers"} {
			t.Run(kind+" "+form, func(t *testing.T) {
				var in, want []string
				for from, to := range names {
					switch form {
					case "alone":
						from = strings.TrimPrefix(from, "model.diffusion_model.")
					case "diffusers":
						from = to
					}
					in, want = append(in, from), append(want, to)
				}
				if form == "whole" {
					in = append(in, "first_stage_model.encoder.conv_in.weight", "cond_stage_model.x", "alphas_cumprod",
						"model_ema.diffusion_modelinput_blocks00weight")
				}
				set, err := UNet(fileOf(t, in...))
				if err != nil {
					t.Fatal(err)
				}
				if got := len(set.Names()); got != len(want) {
					t.Errorf("got %d tensors, want %d", got, len(want))
				}
				for i, name := range want {
					if _, ok := set.Shape(name); !ok {
						t.Fatalf("%q: not %q", in[i], name)
					}
					if data, err := set.Float32s(name); err != nil || data[0] != float32(i) {
						t.Errorf("%q is tensor %v of the file, %v, want %q", name, data, err, in[i])
					}
				}
			})
		}
	}
}

func TestCheckpointOf(t *testing.T) {
	const unet = "model.diffusion_model.input_blocks.0.0.weight"
	for _, test := range []struct {
		names []string
		want  Checkpoint
		err   string
	}{
		{[]string{unet, "cond_stage_model.transformer.text_model.final_layer_norm.bias"}, SD1, ""},
		{[]string{unet, "cond_stage_model.model.ln_final.bias", "alphas_cumprod"}, SD2, ""},
		{[]string{unet, "conditioner.embedders.0.transformer.text_model.final_layer_norm.bias",
			"conditioner.embedders.1.model.ln_final.bias"}, SDXL, ""},
		{[]string{unet, "cond_stage_model.embedding.weight", "first_stage_model.quantize.embedding.weight"},
			ClassLDM, ""},
		{[]string{"conv_in.weight", "conv_in.bias"}, NoCheckpoint, ""},
		{[]string{"input_blocks.0.0.weight", "out.0.bias"}, NoCheckpoint, ""},
		// a refiner
		{[]string{unet, "conditioner.embedders.0.model.ln_final.bias"}, NoCheckpoint, `but there is "conditioner"`},
		{[]string{unet, "cond_stage_model.bert.x"}, NoCheckpoint, `but there is "cond_stage_model"`},
	} {
		got, err := CheckpointOf(fileOf(t, test.names...))
		if got != test.want || (err == nil) != (test.err == "") ||
			err != nil && (!strings.Contains(err.Error(), test.err) || !errors.Is(err, ErrMismatch)) {
			t.Errorf("%q: got %q, %v, want %q, %q", test.names, got, err, test.want, test.err)
		}
	}
}

func TestClassTable(t *testing.T) {
	if _, err := ClassTable(fileOf(t, "cond_stage_model.embedding.weight")); !errors.Is(err, ErrMismatch) ||
		!strings.Contains(err.Error(), fmt.Sprint([]int{1})) {
		t.Errorf("a table of one axis: got %v", err)
	}
	if _, err := ClassTable(fileOf(t, "x")); !errors.Is(err, ErrMismatch) {
		t.Errorf("no table: got %v", err)
	}
}
