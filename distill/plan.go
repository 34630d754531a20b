package distill

import (
	"context"
	"time"

	"github.com/gomlx/gomlx/core/tensors"
)

// Plan is what a run's shard will do.
type Plan struct {
	Classes     int   `json:"classes"`         // of the whole set
	Real        int   `json:"real"`            // images to encode in this shard
	Synthetic   int   `json:"synthetic"`       // images to sample in this shard
	Steps       int   `json:"steps"`           // per synthetic image
	Guided      int   `json:"guided"`          // of the steps
	Rows        int   `json:"rows"`            // of the denoiser per step and image: 2 with classifier-free guidance
	Plain       int   `json:"plain,omitempty"` // steps of one row, outside of the interval of guidance
	LatentBytes int64 `json:"latent_bytes"`    // of this shard on disk
	ModeBytes   int64 `json:"mode_bytes"`

	// Measured on this machine with one image; the first call's compilation is not counted.
	EncodeEach time.Duration `json:"encode_each_ns"`
	StepEach   time.Duration `json:"step_each_ns"`
	DecodeEach time.Duration `json:"decode_each_ns"`
}

// Estimate is the time of the plan, if images are made one by one.
func (p Plan) Estimate() time.Duration {
	steps := time.Duration(p.Steps)*p.StepEach - time.Duration(p.Plain)*p.StepEach/2
	return time.Duration(p.Real)*p.EncodeEach + time.Duration(p.Synthetic)*(steps+p.DecodeEach)
}

// Plan counts what the shard will do, without regard to what is there already, and measures one image.
func (r *Run) Plan(ctx context.Context) (Plan, error) {
	latents, err := r.check(ctx)
	if err != nil {
		return Plan{}, err
	}
	m := r.Settings.Modes
	s, err := r.newSampling(samplesRecord{Settings: r.Settings.Sample, Modes: modesRecord{m, latents}})
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Classes: len(latents.Classes), Steps: len(s.sampler.Steps()), Rows: 2}
	if r.Settings.Sample.CFG == 1 {
		p.Rows = 1
	}
	for _, step := range s.sampler.Steps() {
		if step.Guided {
			p.Guided++
		}
		if step.Plain {
			p.Plain++
		}
	}
	shape := latents.Shape
	rowBytes := int64(4 * shape[0] * shape[1] * shape[2])
	for _, sp := range r.part().Spans(p.Classes, m.IPC) {
		real := len(r.Data.Classes[sp.Class].Images)
		p.Real += real
		p.Synthetic += (sp.Hi - sp.Lo) * r.Settings.Sample.candidates()
		p.LatentBytes += int64(real) * rowBytes
		p.ModeBytes += int64(m.IPC) * rowBytes
	}
	return p, s.measure(ctx, shape, latents.Settings.Size, &p)
}

// measure times one image through each network, the second time it runs.
func (s *sampling) measure(ctx context.Context, shape []int, size int, p *Plan) error {
	latent := make([]float32, shape[0]*shape[1]*shape[2])
	pixels := make([]float32, 3*size*size)
	first := s.sampler.Steps()[0]
	dims, n := append([]int{1}, shape...), s.sampler.States()
	state := make([]float32, n*len(latent))
	zero := func() *tensors.Tensor { return tensors.FromFlatDataAndDimensions(latent, dims...) }
	for _, part := range []struct {
		each *time.Duration
		run  func() error
	}{
		{&p.EncodeEach, func() error { return s.run.Autoencoder.EncodeMean(latent, pixels, size) }},
		{&p.StepEach, func() error {
			x := tensors.FromFlatDataAndDimensions(state, 1, n*shape[0], shape[1], shape[2])
			return s.step.Take(state, x, tensors.FromValue([]int32{0}), zero(), zero(),
				tensors.FromValue(first.Coef))
		}},
		{&p.DecodeEach, func() error { return s.run.Autoencoder.DecodeTo(pixels, latent, size) }},
	} {
		for range 2 {
			if err := ctx.Err(); err != nil {
				return err
			}
			start := time.Now()
			if err := part.run(); err != nil {
				return err
			}
			*part.each = time.Since(start)
		}
	}
	return nil
}
