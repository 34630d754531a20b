package convert

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"mgd3/internal/fixtures"
	"mgd3/weights"
)

// TestThereAndBack: a DiT under diffusers' names and back has the same bytes, weights and config.json, and shards hold
// what one file does.
func TestThereAndBack(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	if err := fixtures.Model(dir, 1); err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{
		{In: at("dit"), Out: at("ours"), Names: DiT},
		{In: at("ours"), Out: at("theirs"), Names: Diffusers, MaxShard: 60e3},
		{In: at("theirs"), Out: at("back"), Names: DiT},
		{In: at("ours"), Out: at("half"), Names: DiT, DType: "F16"},
	} {
		r, err := Write(t.Context(), o)
		if err != nil {
			t.Fatalf("%+v: %v", o, err)
		}
		if sharded := len(r.Files) > 1; sharded != (o.MaxShard > 0) {
			t.Errorf("%+v: got %+v", o, r)
		}
	}
	for _, name := range []string{"model.safetensors", "config.json"} {
		ours, errA := os.ReadFile(at("ours/" + name))
		back, errB := os.ReadFile(at("back/" + name))
		if err := errors.Join(errA, errB); err != nil || !bytes.Equal(ours, back) {
			t.Errorf("%s: %d bytes became %d others, %v", name, len(ours), len(back), err)
		}
	}
	whole, errA := os.Stat(at("ours/model.safetensors"))
	half, errB := os.Stat(at("half/model.safetensors"))
	if err := errors.Join(errA, errB); err != nil || half.Size() > whole.Size()*2/3 {
		t.Errorf("half precision: %v", err)
	}
}

// TestNameBesideConfig: weights whose config.json is of a class of diffusers have the name that diffusers looks for,
// also where no names of tensors are asked for.
func TestNameBesideConfig(t *testing.T) {
	dir := t.TempDir()
	if err := fixtures.Model(dir, 1); err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{"autoencoder": "diffusion_pytorch_model.safetensors",
		"dit": "model.safetensors"} {
		out := filepath.Join(dir, in+".half")
		if _, err := Write(t.Context(), Options{In: filepath.Join(dir, in), Out: out, DType: "F16"}); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(out, want)); err != nil {
			t.Error(err)
		}
	}
}

// TestErrors: what is wrong with the output is an ErrOutput, all else is not, and nothing is written.
func TestErrors(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	if err := fixtures.Model(dir, 1); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("taken.safetensors"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		o      Options
		kind   error // nil is any
		output bool
	}{
		{"unknown names", Options{In: at("dit"), Out: at("out"), Names: "unet"}, nil, false},
		{"no input", Options{In: at("none"), Out: at("out")}, os.ErrNotExist, false},
		{"another network", Options{In: at("autoencoder"), Out: at("out"), Names: DiT}, weights.ErrMismatch, false},
		{"the input itself", Options{In: at("dit"), Out: at("dit"), Names: DiT}, nil, true},
		{"other files", Options{In: at("dit"), Out: dir, Names: DiT}, nil, true},
		{"a file in place of shards", Options{In: at("dit"), Out: at("taken.safetensors"), MaxShard: 60e3}, nil, true},
		{"no folder", Options{In: at("dit"), Out: at("taken.safetensors/x/y.safetensors")}, nil, true},
	} {
		_, err := Write(t.Context(), c.o)
		if err == nil || c.kind != nil && !errors.Is(err, c.kind) || errors.Is(err, ErrOutput) != c.output {
			t.Errorf("%s: got %v, want %v, of the output %v", c.name, err, c.kind, c.output)
		}
	}
	if _, err := os.Stat(at("out")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the output is there: %v", err)
	}
}
