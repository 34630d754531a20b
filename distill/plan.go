package distill

import (
	"context"
	"errors"
	"time"

	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/encode"
	"mgd3/stage"
	"mgd3/stage/numbers"
)

// Plan is what a run's shard will do.
type Plan struct {
	Classes     int   `json:"classes"`         // of the whole set
	Real        int   `json:"real"`            // images of this shard
	Encoded     int   `json:"encoded"`         // of these: in classes whose latents are there already
	Synthetic   int   `json:"synthetic"`       // images that this shard is to have
	Sampled     int   `json:"sampled"`         // of these: there already
	Draws       int   `json:"draws"`           // of each synthetic image, of which one is kept
	Steps       int   `json:"steps"`           // per draw
	Guided      int   `json:"guided"`          // of the steps
	Rows        int   `json:"rows"`            // of the denoiser per step and draw: 2 with classifier-free guidance
	Plain       int   `json:"plain,omitempty"` // steps of one row, outside of the interval of guidance
	LatentBytes int64 `json:"latent_bytes"`    // of this shard on disk
	ModeBytes   int64 `json:"mode_bytes"`

	// Measured on this machine with one image; the first call's compilation is not counted.
	EncodeEach time.Duration `json:"encode_each_ns"`
	StepEach   time.Duration `json:"step_each_ns"`
	DecodeEach time.Duration `json:"decode_each_ns"`
}

// Estimate is the time of what is left of the plan, if images are made one by one.
func (p Plan) Estimate() time.Duration {
	return time.Duration(p.Real-p.Encoded)*p.EncodeEach + time.Duration(p.Synthetic-p.Sampled)*p.SampleEach()
}

// SampleEach is the time of one synthetic image, all its draws. It is an upper bound: most rules to choose by decode
// the draw that is kept alone.
func (p Plan) SampleEach() time.Duration {
	steps := time.Duration(p.Steps)*p.StepEach - time.Duration(p.Plain)*p.StepEach/2
	return time.Duration(p.Draws) * (steps + p.DecodeEach)
}

// Plan counts what the shard will do and what is there of it already, and measures one image. What is there is known
// by its key; whether it is damaged, the run finds out.
func (r *Run) Plan(ctx context.Context) (Plan, error) {
	latents, err := r.check(ctx)
	if err != nil {
		return Plan{}, err
	}
	m := r.Settings.Modes
	record := samplesRecord{Settings: r.Settings.Sample, Modes: modesRecord{m, latents}, Denoiser: r.Denoiser.Hash(),
		Backend: r.Engine.Name()}
	if record.Labels, record.Prompts, err = r.label(ctx, latents); err != nil {
		return Plan{}, err
	}
	s, err := r.newSampling(record)
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Classes: len(latents.Classes), Steps: len(s.sampler.Steps()), Rows: 2,
		Draws: r.Settings.Sample.candidates()}
	if r.Settings.Sample.CFG == 1 {
		p.Rows = 1
	}
	encoded, err := r.encoding().Kept()
	if err != nil {
		return Plan{}, err
	}
	if p.Sampled, err = r.sampled(record, encoded); err != nil {
		return Plan{}, err
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
		class := r.Data.Classes[sp.Class]
		real := len(class.Images)
		p.Real += real
		if encoded[class.Name] {
			p.Encoded += real
		}
		p.Synthetic += sp.Hi - sp.Lo
		p.LatentBytes += int64(real) * rowBytes
		p.ModeBytes += int64(m.IPC) * rowBytes
	}
	return p, s.measure(ctx, shape, latents.Settings.Size, &p)
}

// sampled counts the images of the shard that are there already, made as record says, of the classes that are encoded.
func (r *Run) sampled(record samplesRecord, encoded map[string]bool) (n int, err error) {
	var begun samplesRecord
	err = stage.ReadLocked(samplesDir(r.Out), &begun)
	if errors.Is(err, stage.ErrStage) || errors.Is(err, stage.ErrDamaged) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	record.Batch = begun.Batch
	for _, sp := range r.part().Spans(len(record.Modes.Latents.Classes), record.Modes.Settings.IPC) {
		class := record.Modes.Latents.Classes[sp.Class]
		if !encoded[class] {
			continue
		}
		key, err := r.modesKey(record.Modes, class)
		if err != nil {
			return 0, err
		}
		for j := sp.Lo; j < sp.Hi && key != ""; j++ {
			im := record.image(sp.Class, j)
			is, _, _, err := numbers.Look(im.latent(r.Out), record.key(im, key))
			if err != nil {
				return 0, err
			}
			if is == stage.Ours {
				n++
			}
		}
	}
	return n, nil
}

// modesKey is the key of a class's modes, or "" where they are not there or not of its latents.
func (r *Run) modesKey(record modesRecord, class string) (string, error) {
	modes, err := record.read(r.Out, class)
	if errors.Is(err, stage.ErrStage) || errors.Is(err, stage.ErrDamaged) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	cached, err := encode.Open(r.latentsDir(), class)
	if err != nil {
		return "", err
	}
	if modes.Key != record.keyOf(cached) {
		modes.Key = ""
	}
	return modes.Key, cached.Close()
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
