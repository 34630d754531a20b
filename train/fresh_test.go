package train

import (
	"math"
	"testing"

	"github.com/gomlx/compute/shapes"

	"mgd3/dit"
	"mgd3/engine"
	"mgd3/latent"
	"mgd3/weights"
)

// freshOf returns new parameters of f by name.
func freshOf(t *testing.T, e *engine.Engine, f engine.Func, init initialiser, in ...shapes.Shape) engine.Weights {
	t.Helper()
	specs, err := e.Declare(f, in...)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Engine: e, Protocol: small()}
	w, err := o.fresh(task{fresh: init}, specs)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// wantUniform demands numbers in ±bound that fill it: the largest of n is below (1 − d)·bound once in e^(d·n).
func wantUniform(t *testing.T, w engine.Weights, name string, bound float64) {
	t.Helper()
	largest := 0.0
	data := flat(w[name])
	for _, v := range data {
		largest = max(largest, math.Abs(float64(v)))
	}
	if largest > bound || largest < bound*(1-20/float64(len(data))) {
		t.Errorf("%s: the largest of %d numbers is %v, want nearly %v", name, len(data), largest, bound)
	}
}

func wantAll(t *testing.T, w engine.Weights, name string, value float32) {
	t.Helper()
	for _, v := range flat(w[name]) {
		if v != value {
			t.Fatalf("%s has %v, want all %v", name, v, value)
		}
	}
}

func TestLikeTorch(t *testing.T) {
	c := AutoencoderSettings{Channels: []int{8, 16}, Layers: 1, Latent: 4, Groups: 4, Attention: true}.config(16)
	w := freshOf(t, open(t), c.Reconstruct, likeTorch, shapes.Make(latent.DType, 1, 3, 16, 16))
	wantUniform(t, w, "encoder.conv_in.weight", 1/math.Sqrt(3*9))
	wantUniform(t, w, "encoder.down_blocks.1.resnets.0.conv2.weight", 1/math.Sqrt(16*9))
	wantUniform(t, w, "encoder.down_blocks.1.resnets.0.conv2.bias", 1/math.Sqrt(16*9))
	wantUniform(t, w, "encoder.mid_block.attentions.0.to_q.weight", 1/math.Sqrt(16))
	wantAll(t, w, "encoder.mid_block.attentions.0.group_norm.weight", 1)
	wantAll(t, w, "encoder.conv_norm_out.bias", 0)
}

func TestLikeDiT(t *testing.T) {
	c := dit.Config{InputSize: 4, Patch: 2, Channels: 4, Hidden: 32, Depth: 2, Heads: 2, Classes: 3, LearnSigma: true}
	in := []shapes.Shape{shapes.Make(dit.TimeType, 1, 4, 4, 4), shapes.Make(dit.TimeType, 1),
		shapes.Make(dit.LabelType, 1)}
	w := freshOf(t, open(t), c.Func, likeDiT, in...)
	wantUniform(t, w, "blocks.1.attn.qkv.weight", math.Sqrt(6./(32+96)))
	wantUniform(t, w, "blocks.0.mlp.fc2.weight", math.Sqrt(6./(32+128)))
	wantUniform(t, w, "x_embedder.proj.weight", math.Sqrt(6./(16+32)))
	for _, name := range []string{
		"blocks.0.attn.qkv.bias", "blocks.0.adaLN_modulation.1.weight", "blocks.0.adaLN_modulation.1.bias",
		"final_layer.linear.weight",
		"final_layer.adaLN_modulation.1.weight", "x_embedder.proj.bias", "t_embedder.mlp.0.bias",
	} {
		wantAll(t, w, name, 0)
	}
	for _, name := range []string{"t_embedder.mlp.0.weight", "t_embedder.mlp.2.weight",
		"y_embedder.embedding_table.weight"} {
		data, sum := flat(w[name]), 0.0
		for _, v := range data {
			sum += float64(v) * float64(v)
		}
		// The spread of n normal numbers errs by 1/√(2n) of itself.
		n := float64(len(data))
		if sigma := math.Sqrt(sum / n); math.Abs(sigma-0.02) > 0.02*4/math.Sqrt(2*n) {
			t.Errorf("%s: σ is %v, want 0.02", name, sigma)
		}
	}
}

// TestFreshOfNames: a parameter's numbers hang on its name and the seed, not on what is beside it.
func TestFreshOfNames(t *testing.T) {
	e := open(t)
	specs := []weights.Spec{{Name: "a.weight", Shape: []int{3, 5}}, {Name: "b.weight", Shape: []int{3, 5}}}
	make := func(seed uint64, specs ...weights.Spec) engine.Weights {
		w, err := (&Options{Engine: e, Protocol: Protocol{Seed: seed}}).fresh(task{fresh: likeTorch}, specs)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	both, alone, other := make(1, specs...), make(1, specs[1]), make(2, specs[1])
	if got, want := flat(alone["b.weight"])[0], flat(both["b.weight"])[0]; got != want {
		t.Errorf("alone it begins with %v, beside another with %v", got, want)
	}
	if a, b, c := flat(both["a.weight"])[0], flat(both["b.weight"])[0], flat(other["b.weight"])[0]; a == b || b == c {
		t.Errorf("two names, or two seeds, have one number: %v, %v, %v", a, b, c)
	}
}
