package model

import (
	"fmt"
	"math"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/diffusion"
	"mgd3/internal/fixtures/golden"
	"mgd3/internal/fixtures/testengine"
	"mgd3/sd"
)

// TestPipelineGolden draws with whole pipelines of diffusers, opened from their folders, and compares every step:
// without a pull, and with it.
func TestPipelineGolden(t *testing.T) {
	for _, c := range golden.Some(t, "sd_pipeline") {
		t.Run(c.Name, func(t *testing.T) { pipelineGolden(t, c) })
	}
}

// TestClassPipelineGolden does so with a class-conditional model, which is told the numbers of classes.
func TestClassPipelineGolden(t *testing.T) {
	for _, c := range golden.Some(t, "class_pipeline") {
		t.Run(c.Name, func(t *testing.T) { pipelineGolden(t, c) })
	}
}

func pipelineGolden(t *testing.T, c golden.Case) {
	var spec struct {
		Rule    diffusion.Rule
		Steps   int
		CFG     float64
		Lambda  float64
		Stop    int
		Size    int
		Prompts []string
		Labels  []int // of a class-conditional model
	}
	c.Decode(t, &spec)
	isPrompted := spec.Labels == nil
	for label := range spec.Prompts {
		spec.Labels = append(spec.Labels, label)
	}
	e := testengine.Open(t)
	n := Networks{Model: Disk(c.Dir), Prompts: func([]string) ([]string, error) { return spec.Prompts, nil }}
	opened, err := n.OpenDenoiser(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	vae, err := n.OpenAutoencoder(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	if size, err := n.Size(vae); err != nil || size != spec.Size {
		t.Errorf("the size is %d, %v, want %d", size, err, spec.Size)
	}
	if n.IsPrompted() != isPrompted || !n.IsUNet() {
		t.Errorf("it is known as a model of prompts: %v, want %v", n.IsPrompted(), isPrompted)
	}
	den := opened.Denoiser
	switch d := den.(type) {
	case *sd.Model:
		if _, err := d.Prompt(t.Context(), []string{"one", "two"}, spec.Size); err != nil || !isPrompted {
			t.Fatalf("the denoiser is a %T, %v", den, err)
		}
	case *sd.Network:
		if isPrompted || d.ClassCount() != 3 {
			t.Fatalf("the denoiser is a %T of %d classes", den, d.ClassCount())
		}
	default:
		t.Fatalf("the denoiser is a %T", den)
	}
	const file = "io.safetensors"
	shape := c.Tensor(t, file, "start").Shape
	tol, report := c.Tolerance(t, "max_rel"), c.Report(t)
	for _, run := range []string{"free", "pulled"} {
		s := diffusion.Settings{Rule: spec.Rule, Schedule: den.Noise(), Respacing: opened.Steps.Respacing(spec.Steps),
			CFG: spec.CFG, Stop: spec.Stop, AlphaToOne: spec.Rule == diffusion.DDIMSD && opened.Steps.AlphaToOne}
		if run == "pulled" {
			s.Lambda = spec.Lambda
		}
		sampler, err := diffusion.New(s)
		if err != nil {
			t.Fatal(err)
		}
		step, err := e.Compile("step", den.Step(sampler), den.Tensors())
		if err != nil {
			t.Fatal(err)
		}
		noise := c.Float32s(t, file, "noise")
		for _, label := range spec.Labels {
			want := c.Float32s(t, file, fmt.Sprintf("%d/%s/x", label, run))
			x := c.Float32s(t, file, "start")
			size := len(x)
			for k, st := range sampler.Steps() {
				of := func(data []float32) *tensors.Tensor { return tensors.FromFlatDataAndDimensions(data, shape...) }
				out := make([]float32, size)
				if err := step.Take(out, of(x), tensors.FromFlatDataAndDimensions([]int32{int32(label)}, 1),
					of(c.Float32s(t, file, "mode")), of(noise[k*size:(k+1)*size]),
					tensors.FromFlatDataAndDimensions(st.Coef, len(st.Coef))); err != nil {
					t.Fatal(err)
				}
				after := want[(k+1)*size : (k+2)*size]
				report.Compare(fmt.Sprintf("class %d, %s, step %d", label, run, k), out, after, tol*largest(after))
				x = out
			}
			wantImage := c.Float32s(t, file, fmt.Sprintf("%d/%s/image", label, run))
			image := make([]float32, len(wantImage))
			if err := vae.DecodeTo(image, x, spec.Size); err != nil {
				t.Fatal(err)
			}
			report.Compare(fmt.Sprintf("class %d, %s, image", label, run), image, wantImage, 3*tol*largest(wantImage))
		}
	}
}

// largest is the largest absolute value, at least 1.
func largest(x []float32) float64 {
	m := 1.0
	for _, v := range x {
		m = max(m, math.Abs(float64(v)))
	}
	return m
}
