package distill

import (
	"errors"
	"fmt"
	"slices"

	"mgd3/matrix"
	"mgd3/stage"
)

// Centres returns the modes [k, c·h·w] of a class that [Run.Discover] wrote below out, or that a
// reviewed set has of them. Modes that are not there are an [stage.ErrStage].
func Centres(out, class string) (matrix.Matrix, error) {
	var c modesRecord
	if err := stage.ReadLocked(modesDir(out), &c); errors.Is(err, stage.ErrStage) {
		s, _, errSlots := readSlots(out, class)
		if errors.Is(errSlots, stage.ErrStage) {
			return matrix.Matrix{}, err // which names what a run has
		}
		return s.Centres, errSlots
	} else if err != nil {
		return matrix.Matrix{}, err
	}
	if err := c.Check(); err != nil {
		return matrix.Matrix{}, err
	}
	m, err := c.read(out, class)
	if err != nil {
		return matrix.Matrix{}, err
	}
	return m.Centres, nil
}

// Samples returns the latents [k, c·h·w] of which the images of a class were decoded, in their order, which
// [Run.Sample] wrote below out, or which a reviewed set has of them. Samples that are not there, or are of other modes,
// are an [stage.ErrStage].
func Samples(out, class string) (matrix.Matrix, error) {
	var c samplesRecord
	if err := stage.ReadLocked(samplesDir(out), &c); errors.Is(err, stage.ErrStage) {
		s, _, errSlots := readSlots(out, class)
		if errors.Is(errSlots, stage.ErrStage) {
			return matrix.Matrix{}, err // which names what a run has
		}
		return s.Latents, errSlots
	} else if err != nil {
		return matrix.Matrix{}, err
	}
	if err := c.Check(); err != nil {
		return matrix.Matrix{}, fmt.Errorf("%s: %w", samplesDir(out), err)
	}
	at := slices.Index(c.Modes.Latents.Classes, class)
	if at < 0 {
		return matrix.Matrix{}, fmt.Errorf("%s: has no class %q", samplesDir(out), class)
	}
	m, err := c.Modes.read(out, class)
	if err != nil {
		return matrix.Matrix{}, err
	}
	samples := matrix.Matrix{Cols: m.Centres.Cols}
	for j := range m.Centres.Rows {
		im := c.image(at, j)
		row, _, err := readSample(im.latent(out), c.key(im, m.Key), samples.Cols)
		if errors.Is(err, errStale) {
			return matrix.Matrix{}, fmt.Errorf("%w: %w", stage.ErrStage, err)
		}
		if err != nil {
			return matrix.Matrix{}, stageMissing(err)
		}
		samples.Rows, samples.Data = samples.Rows+1, append(samples.Data, row...)
	}
	return samples, nil
}
