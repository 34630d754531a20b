package distill

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/diffusion"
	"mgd3/internal/words"
	"mgd3/rng"
)

// Choose is the rule by which one of the candidates for an image is kept. All candidates are of the same mode: a set
// keeps one image for each.
type Choose string

// The rules. Of equals the first candidate is kept, that of the run's own seed.
const (
	// ChooseNearest keeps the latent nearest to its mode.
	ChooseNearest Choose = "nearest"

	// ChooseLoss keeps the latent that the denoiser says most of if it is told the class: of which the mean of
	// |ε − ε(x, ∅)|² − |ε − ε(x, y)|² over four levels of noise is largest (the classifier in a diffusion model, Li et
	// al. 2023, arXiv:2303.16203, eq. 5).
	ChooseLoss Choose = "loss-difference"

	// ChooseTeacher keeps the image that a trained classifier is surest of, among those that it takes for their class;
	// ChooseHard keeps of those the one it is least sure of (CaO2, ICCV 2025: the first for few images per class, the
	// second for many). Where all candidates are taken for other classes, the one is kept that its own class is
	// likeliest for; CaO2 keeps the one with the largest probability of any class.
	ChooseTeacher Choose = "teacher-correct"
	ChooseHard    Choose = "teacher-hard"

	// ChooseS3 keeps for each class the images of one seed, by how the classes lie to each other, see groups.go.
	ChooseS3 Choose = "s3"
)

// Chooses lists all rules.
var Chooses = []Choose{ChooseNearest, ChooseLoss, ChooseTeacher, ChooseHard, ChooseS3}

func (s SampleSettings) checkChoice() error {
	switch {
	case s.PoolOf < 0 || s.PoolOf > 1000:
		return fmt.Errorf("a pool is of %d candidates, want 1 to 1000", s.PoolOf)
	case s.PoolOf > 1 && s.Choose == "":
		return fmt.Errorf("a pool of %d candidates needs a rule to choose by: %s", s.PoolOf, words.Or(Chooses))
	case s.PoolOf <= 1 && s.Choose != "":
		return fmt.Errorf("the rule %q has nothing to choose from, want a pool of at least 2 candidates", s.Choose)
	}
	for _, c := range Chooses {
		if s.Choose == c || s.Choose == "" {
			return nil
		}
	}
	return fmt.Errorf("the rule to choose by is %q, want %s", s.Choose, words.Or(Chooses))
}

// candidates returns how often each image is drawn.
func (s SampleSettings) candidates() int { return max(1, s.PoolOf) }

// seedOf is the seed of the c-th candidate, the first one the run's own. Runs of neighbouring seeds, as a comparison
// makes them to see how much sets differ, share no candidate.
func (s SampleSettings) seedOf(c int) uint64 { return s.Seed + uint64(c)<<32 }

// scores says how good the candidates are that are there for images, larger is better.
func (s *sampling) scores(ctx context.Context, images []image, batch diffusion.Batch, latents []float32,
	rows int) ([]float64, error) {
	n := len(batch.Modes) / len(images)
	switch choose := s.record.Settings.Choose; {
	case choose == ChooseLoss:
		return s.lossDifference(ctx, images, batch, latents, rows)
	case choose.AsksTeacher():
		return s.asked(ctx, images, latents, rows)
	}
	scores := make([]float64, len(images)) // of ChooseNearest
	for i := range scores {
		for l, v := range latents[i*n : (i+1)*n] {
			diff := float64(v) - float64(batch.Modes[i*n+l])
			scores[i] -= diff * diff
		}
	}
	return scores, nil
}

// lossSteps are four of the levels of noise, of five that are evenly spaced: of the noisiest nothing can be said.
var lossRespacing, lossSteps = "trailing5", 4

// newLoss compiles what predicts x0 with the class and without.
func (s *sampling) newLoss() error {
	for i, cfg := range []float64{1, 0} {
		own := s.record.Settings.Settings
		// it keeps what was predicted, and nothing more
		sampler, err := diffusion.New(diffusion.Settings{Rule: diffusion.DPM2MSDE, Schedule: own.Schedule,
			Respacing: lossRespacing, CFG: cfg})
		if err != nil {
			return err
		}
		m := s.run.Denoiser
		if s.loss[i], err = s.run.Engine.Compile("loss", m.Step(sampler), m.Tensors()); err != nil {
			return err
		}
		s.lossSampler = sampler
	}
	return nil
}

// lossDifference returns the mean of the differences of the losses; the noise is the same for all candidates.
func (s *sampling) lossDifference(ctx context.Context, images []image, batch diffusion.Batch, latents []float32,
	rows int) ([]float64, error) {
	n, dims := len(batch.Modes)/len(images), batch.Dims
	scores, z := make([]float64, len(images)), make([]float32, n)
	for _, step := range s.lossSampler.Steps()[1 : 1+lossSteps] {
		ab := s.lossSampler.AlphaBar(step.Index)
		for lo := 0; lo < len(images); lo += rows {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			x, labels := make([]float32, 2*n*rows), make([]int32, rows)
			for r := range rows {
				i := min(lo+r, len(images)-1)
				im := images[i]
				rng.Normals(rng.Stream(s.record.Settings.Seed, "choose", rng.Hash(im.class), uint64(im.index),
					uint64(step.Timestep)), z)
				for l, v := range z {
					x[2*r*n+l] = float32(math.Sqrt(ab)*float64(latents[i*n+l]) + math.Sqrt(1-ab)*float64(v))
				}
				labels[r] = im.label
			}
			for k, sign := range []float64{-1, 1} { // with the class, and without
				zero := func() *tensors.Tensor {
					return tensors.FromFlatDataAndDimensions(make([]float32, n*rows), rows, dims[0], dims[1], dims[2])
				}
				out := make([]float32, 2*n*rows)
				if err := s.loss[k].Take(out, tensors.FromFlatDataAndDimensions(x, rows, 2*dims[0], dims[1], dims[2]),
					tensors.FromFlatDataAndDimensions(labels, rows), zero(), zero(),
					tensors.FromValue(step.Coef)); err != nil {
					return nil, err
				}
				for r := range min(rows, len(images)-lo) {
					for l, v := range out[(2*r+1)*n : (2*r+2)*n] {
						diff := float64(v) - float64(latents[(lo+r)*n+l])
						scores[lo+r] += sign * diff * diff * ab / (1 - ab) // of x0, as of ε
					}
				}
			}
		}
	}
	for _, v := range scores {
		if math.IsNaN(v) {
			return nil, errors.New("the denoiser's loss of a candidate is not a number")
		}
	}
	return scores, nil
}
