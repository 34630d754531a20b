package weights_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/internal/fixtures/golden"
	"mgd3/weights"
)

// described returns the tensors that case.json lists for each tensor file, or nil if the
// case lists them elsewhere.
func described(t *testing.T, c golden.Case) map[string]map[string]weights.Tensor {
	t.Helper()
	var top struct {
		Files map[string]json.RawMessage
	}
	c.Decode(t, &top)
	files := map[string]map[string]weights.Tensor{}
	for file, text := range top.Files {
		var nested struct { // some give the list beside its length
			List json.RawMessage
		}
		if json.Unmarshal(text, &nested) == nil && nested.List != nil {
			text = nested.List
		}
		var list map[string]weights.Tensor
		if err := json.Unmarshal(text, &list); err != nil {
			t.Fatalf("%s: files: %s: %v", c.Name, file, err)
		}
		files[file] = list
	}
	return files
}

// Every file holds exactly the tensors that its case.json lists.
func TestGoldenFilesAsDescribed(t *testing.T) {
	n := 0
	for _, c := range golden.All(t) {
		for file, want := range described(t, c) {
			f := c.Open(t, file)
			if names := slices.Sorted(maps.Keys(want)); !slices.Equal(f.Names(), names) {
				t.Errorf("%s: %s: has tensors %q, want %q", c.Name, file, f.Names(), names)
			}
			for name, w := range want {
				x, err := f.Tensor(name)
				if err != nil || x.DType != w.DType || !slices.Equal(x.Shape, w.Shape) {
					t.Errorf("%s: %s: %q is %s %v, %v, want %s %v", c.Name, file, name, x.DType, x.Shape, err, w.DType,
						w.Shape)
				}
				n++
			}
		}
	}
	t.Logf("%d tensors as described", n)
	if n == 0 {
		t.Error("no tensor was compared")
	}
}

// wantEqual loads two sets and demands the same values under the same names; only optional
// names may be in one of them alone.
func wantEqual(t *testing.T, a, b *weights.Set, optional ...string) {
	t.Helper()
	var specs []weights.Spec
	for _, name := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(a.Names(), b.Names())))) {
		shape, ok := a.Shape(name)
		if !ok {
			shape, _ = b.Shape(name)
		}
		specs = append(specs, weights.Spec{Name: name, Shape: shape, Optional: slices.Contains(optional, name)})
	}
	left, err := a.Load(specs)
	if err != nil {
		t.Fatal(err)
	}
	right, err := b.Load(specs)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, s := range specs {
		if s.Optional {
			continue
		}
		if !slices.Equal(left[s.Name], right[s.Name]) {
			t.Errorf("%q differs", s.Name)
		}
		n += len(left[s.Name])
	}
	t.Logf("%d tensors, %d numbers are equal", len(specs), n)
}

// Both namings of a denoiser load to the same numbers under the same names.
func TestGoldenDiT(t *testing.T) {
	for _, c := range golden.Cases(t, "dit") {
		t.Run(c.Name, func(t *testing.T) {
			original, err := weights.DiT(c.Open(t, "weights_dit.safetensors"))
			if err != nil {
				t.Fatal(err)
			}
			diffusers, err := weights.DiT(c.Open(t, "weights_diffusers.safetensors"))
			if err != nil {
				t.Fatal(err)
			}
			wantEqual(t, original, diffusers, "pos_embed")
		})
	}
}

// All three ways to store the mid attention load to the same numbers under the same names.
func TestGoldenAutoencoder(t *testing.T) {
	for _, c := range golden.Cases(t, "vae") {
		t.Run(c.Name, func(t *testing.T) {
			file := c.Open(t, "weights.safetensors")
			want, err := weights.Autoencoder(file)
			if err != nil {
				t.Fatal(err)
			}
			attention := c.Open(t, "weights_attention_old_names.safetensors")
			for name, lift := range map[string]bool{"linear": false, "convolutions": true} {
				t.Run(name, func(t *testing.T) {
					got, err := weights.Autoencoder(oldFile(t, file, attention, lift))
					if err != nil {
						t.Fatal(err)
					}
					wantEqual(t, want, got)
				})
			}
		})
	}
}

// oldFile returns file with its mid attention replaced by that under the old names, as 1×1
// convolutions if lift is set.
func oldFile(t *testing.T, file, attention *weights.File, lift bool) *weights.File {
	t.Helper()
	renamed, err := weights.Autoencoder(attention)
	if err != nil {
		t.Fatal(err)
	}
	var all []weights.Tensor
	for _, name := range file.Names() {
		if x, err := file.Tensor(name); err != nil {
			t.Fatal(err)
		} else if !slices.Contains(renamed.Names(), name) {
			all = append(all, x)
		}
	}
	for _, name := range attention.Names() {
		x, err := attention.Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		if lift && strings.HasSuffix(name, ".weight") && len(x.Shape) == 2 {
			x.Shape = append(slices.Clone(x.Shape), 1, 1)
		}
		all = append(all, x)
	}
	if len(all) != len(file.Names()) {
		t.Fatalf("%d tensors with the old names, want %d", len(all), len(file.Names()))
	}
	path := filepath.Join(t.TempDir(), "model.safetensors")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := weights.Write(out, all, nil); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	old, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { old.Close() })
	return old
}
