package weights

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
)

// minimax returns a block of a DiT of width 2 with factors, and the same block with the factors multiplied in, in
// float32 as the formula in fold.go has it.
func minimax(half bool) (with, folded []Tensor) {
	const width, mlp = 2, 8
	factors := map[string][]float32{
		"attn.gamma1": {1.5, -2, 0.25, 3, 1, 0.1}, "attn.gamma2": {0.5, 1.25}, "gamma1": {2, -1.5},
		"gamma2": {0.75, 1.125},
	}
	of := map[string][]float32{"attn.qkv": factors["attn.gamma1"], "mlp.fc2": factors["gamma2"],
		"attn.proj": {0.5 * 2, 1.25 * -1.5}}
	inputs := map[string]int{"attn.qkv": width, "attn.proj": width, "mlp.fc2": mlp}
	for _, block := range []string{"blocks.0.", "blocks.1."} {
		for _, m := range []string{"attn.qkv", "attn.proj", "mlp.fc2"} {
			weight, bias := rising(block+m+".weight", 0.3, len(of[m]), inputs[m]),
				rising(block+m+".bias", -1.7, len(of[m]))
			if half {
				weight = F16(weight.Name, weight.Shape, mustFloats(weight))
			}
			with = append(with, weight, bias)
			if block == "blocks.1." { // the second half of the blocks has no factors
				folded = append(folded, weight, bias)
				continue
			}
			w, b := mustFloats(weight), mustFloats(bias)
			for i := range w {
				w[i] *= of[m][i/inputs[m]]
			}
			for i := range b {
				b[i] *= of[m][i]
			}
			folded = append(folded, F32(weight.Name, weight.Shape, w), F32(bias.Name, bias.Shape, b))
		}
	}
	for name, data := range factors {
		with = append(with, F32("blocks.0."+name, []int{len(data)}, data))
	}
	return with, folded
}

func mustFloats(t Tensor) []float32 {
	data, err := t.Float32s()
	if err != nil {
		panic(err) // it was made of floats
	}
	return data
}

// TestFold: the tensors of a fine-tuned DiT are those multiplied out, to the bit, as they are and from diffusers'
// names.
func TestFold(t *testing.T) {
	for _, half := range []bool{false, true} {
		with, folded := minimax(half)
		f := write(t, with...)
		s, err := DiT(f)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Names()) != len(folded) || len(f.Notes()) != 1 {
			t.Errorf("tensors %q, notes %q", s.Names(), f.Notes())
		}
		for _, want := range folded {
			got, err := s.Float32s(want.Name)
			if err != nil || !slices.Equal(got, mustFloats(want)) {
				t.Errorf("half %v: %q is %v, %v, want %v", half, want.Name, got, err, mustFloats(want))
			}
		}
	}
}

// TestFoldConverts: convert writes the products, whole or in three parts.
func TestFoldConverts(t *testing.T) {
	with, folded := minimax(false)
	for _, diffusers := range []bool{false, true} {
		s, err := DiT(write(t, with...))
		if err != nil {
			t.Fatal(err)
		}
		want, err := DiT(write(t, folded...))
		if err != nil {
			t.Fatal(err)
		}
		if diffusers {
			s, err = ToDiffusers(s)
			if err != nil {
				t.Fatal(err)
			}
			if want, err = ToDiffusers(want); err != nil {
				t.Fatal(err)
			}
		}
		if a, b := shard(t, s), shard(t, want); !bytes.Equal(a, b) {
			t.Errorf("diffusers %v: the files differ", diffusers)
		}
	}
}

func shard(t *testing.T, s *Set) []byte {
	t.Helper()
	shards, _, err := Conversion{}.Shards(s)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := shards[0].Write(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestFoldRefuses: a factor that belongs to no map stays, and loading names it; one that is no number is an error.
func TestFoldRefuses(t *testing.T) {
	with, _ := minimax(false)
	for _, odd := range []Tensor{
		rising("blocks.7.gamma1", 1, 2), rising("blocks.0.attn.gamma3", 1, 2), rising("gamma1", 1, 2),
		rising("blocks.1.gamma2", 1, 3),
		rising("blocks.1.gamma2", 1, 2, 1),
	} {
		s, err := DiT(write(t, append(slices.Clone(with), odd)...))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := s.Shape(odd.Name); !ok {
			t.Errorf("%q %v is folded into nothing", odd.Name, odd.Shape)
		}
	}
	nan := F16("blocks.1.gamma2", []int{2}, []float32{1, 1e9})
	_, err := DiT(write(t, append(slices.Clone(with), nan)...))
	wantError(t, err, ErrMismatch, `"blocks.1.gamma2"`, "element 1 is +Inf")
}

// TestInert: what a program adds and never uses is left out, and said.
func TestInert(t *testing.T) {
	with, _ := minimax(false)
	f := write(t, append(with, rising("mode_embedder.weight", 0, 3, 2), rising("mode_embedding.mlp.0.bias", 0, 3))...)
	s, err := DiT(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range s.Names() {
		if inert.MatchString(name) {
			t.Errorf("%q is there", name)
		}
	}
	if notes := fmt.Sprint(f.Notes()); !bytes.Contains([]byte(notes), []byte("mode_embedder.weight")) {
		t.Errorf("notes %s", notes)
	}
}
