package diffusion

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/gomlx/gomlx/core/tensors"
)

// An image does not know of the others in its batch.
func TestSplitBatch(t *testing.T) {
	all := images(5)
	for _, rule := range Rules() {
		s := start(t, rule)
		if formulas[rule].ddim {
			s.Eta = 0.5
		}
		sampler := mustNew(t, s)
		want := run(t, sampler, toy, all)
		var have []float32
		for _, cut := range [][2]int{{0, 2}, {2, 5}} {
			part := all
			part.Labels = all.Labels[cut[0]:cut[1]]
			part.Modes = all.Modes[cut[0]*60 : cut[1]*60]
			part.Noise = noise(cut[0])
			have = append(have, run(t, sampler, toy, part)...)
		}
		sameBits(t, string(rule), have, want)
	}
}

// Noise is drawn in order, for the start and for the steps that use it.
func TestDraws(t *testing.T) {
	tests := []struct {
		rule Rule
		eta  float64
		want string
	}{
		{DDPM, 0, "[-1/0 -1/1 0/0 0/1 1/0 1/1]"},
		{DDIMPaper, 0, "[-1/0 -1/1]"},
		{DDIMX0, 0.5, "[-1/0 -1/1 0/0 0/1 1/0 1/1]"},
	}
	for _, test := range tests {
		s := start(t, test.rule)
		s.Respacing, s.Eta = "3", test.eta
		var draws []string
		b := images(2)
		b.Noise = func(image, step int, dst []float32) {
			draws = append(draws, fmt.Sprintf("%d/%d", step, image))
			noise(0)(image, step, dst)
			if len(dst) != 60 {
				t.Errorf("asked for %d numbers, want 60", len(dst))
			}
		}
		run(t, mustNew(t, s), toy, b)
		if have := fmt.Sprint(draws); have != test.want {
			t.Errorf("%s: drawn for step/image %s, want %s", test.rule, have, test.want)
		}
	}
}

// TestNoiseIsDrawnAhead has every step wait for the noise of the next one, and lets the noise of no step be changed
// while the step has it.
func TestNoiseIsDrawnAhead(t *testing.T) {
	s := start(t, DDPM)
	s.Respacing = "5"
	drawn := make([]chan bool, 5) // by step
	for k := range drawn {
		drawn[k] = make(chan bool)
	}
	b := images(1)
	b.Noise = func(_, step int, dst []float32) {
		for i := range dst {
			dst[i] = float32(step)
		}
		if step >= 0 {
			close(drawn[step])
		}
	}
	k := 0
	exec := func(x, _, _, z, _ *tensors.Tensor) (*tensors.Tensor, error) {
		if k < 3 { // the last step needs none
			select {
			case <-drawn[k+1]:
			case <-time.After(time.Minute): // in place of waiting for ever
				return nil, fmt.Errorf("the noise of step %d was not drawn", k+1)
			}
		}
		if data := tensors.MustCopyFlatData[float32](z); k < 4 &&
			(data[0] != float32(k) || data[len(data)-1] != float32(k)) {
			t.Errorf("step %d has the noise of step %v", k, data[0])
		}
		k++
		return x.Clone()
	}
	if _, err := mustNew(t, s).Run(t.Context(), exec, b); err != nil || k != 5 {
		t.Errorf("%d steps, %v, want 5", k, err)
	}
}

func TestRunErrors(t *testing.T) {
	broken := errors.New("device lost")
	good := func(x, _, _, _, _ *tensors.Tensor) (*tensors.Tensor, error) { return x.Clone() }
	ctx, cancel := context.WithCancel(t.Context())
	tests := []struct {
		name  string
		ctx   context.Context
		batch func() Batch
		exec  Stepper
		err   string
	}{
		{"good", t.Context(), func() Batch { return images(2) }, good, ""},
		{"no images", t.Context(), func() Batch { return images(0) }, good, "a batch of 0 images"},
		{"no channels", t.Context(), func() Batch { b := images(2); b.Dims[0] = 0; return b }, good,
			"dimensions [0 3 5]"},
		{"a mode too few", t.Context(), func() Batch { b := images(2); b.Modes = b.Modes[60:]; return b }, good,
			"modes have 60 numbers, want 120 for 2 images of dimensions [4 3 5]"},
		{"cancelled in the first step", ctx, func() Batch { return images(2) },
			func(x, _, _, _, _ *tensors.Tensor) (*tensors.Tensor, error) { cancel(); return x.Clone() },
			"context canceled"},
		{"device", t.Context(), func() Batch { return images(2) },
			func(_, _, _, _, _ *tensors.Tensor) (*tensors.Tensor, error) { return nil, broken },
			"step 1 of 3: device lost"},
		{"wrong size", t.Context(), func() Batch { return images(2) },
			func(_, _, _, _, coef *tensors.Tensor) (*tensors.Tensor, error) { return coef.Clone() },
			"step 1 of 3: the step's result has shape (Float32)[19], want dimensions [2 4 3 5]"},
		{"wrong type", t.Context(), func() Batch { return images(2) },
			func(_, label, _, _, _ *tensors.Tensor) (*tensors.Tensor, error) { return label.Clone() }, "step 1 of 3:"},
	}
	s := start(t, DDPM)
	s.Respacing = "3"
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			x, err := mustNew(t, s).Run(test.ctx, test.exec, test.batch())
			checkError(t, err, test.err)
			if (x == nil) != (err != nil) {
				t.Errorf("have %d numbers beside error %v", len(x), err)
			}
		})
	}
}

// The image and the step at which a number goes out of range are named.
func TestNotFinite(t *testing.T) {
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		steps := 0
		exec := func(x, _, _, _, _ *tensors.Tensor) (*tensors.Tensor, error) {
			data := tensors.MustCopyFlatData[float32](x)
			if steps++; steps == 2 {
				data[2*60+59] = bad
			}
			return tensors.FromFlatDataAndDimensions(data, x.Shape().Dimensions...), nil
		}
		s := start(t, DDPM)
		s.Respacing = "3"
		_, err := mustNew(t, s).Run(t.Context(), exec, images(4))
		var notFinite *NotFiniteError
		if !errors.As(err, &notFinite) || *notFinite != (NotFiniteError{Image: 2, Step: 1, Steps: 3}) {
			t.Errorf("%v: have error %#v", bad, err)
		}
		checkError(t, err, "image 2 of the batch is not finite after step 2 of 3")
	}
}
