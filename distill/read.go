package distill

import (
	"errors"
	"fmt"
	"slices"

	"mgd3/latent"
	"mgd3/matrix"
	"mgd3/stage"
)

// Cache is what a folder of latents was made from.
type Cache struct {
	Settings    EncodeSettings
	Classes     []string
	Autoencoder string // SHA-256 of the weights
}

// ReadCache reads the settings of a folder that [Run.Encode] wrote latents to. A folder without is an [stage.ErrStage].
func ReadCache(dir string) (Cache, error) {
	var c latentsRecord
	if err := stage.ReadLocked(dir, &c); err != nil {
		return Cache{}, err
	}
	if err := c.check(); err != nil {
		return Cache{}, fmt.Errorf("%s: %w", dir, err)
	}
	return Cache{c.Settings, c.Classes, c.Autoencoder}, nil
}

// OpenLatents opens the latents of a class in the folder that [Run.Encode] wrote them to, below Out or Run.Latents.
// Latents that are not there are an [stage.ErrStage].
func OpenLatents(dir, class string) (*latent.Class, error) {
	c, err := latent.OpenClass(classFile(dir, class))
	return c, stageMissing(err)
}

// Centres returns the modes [k, c·h·w] of a class that [Run.Discover] wrote below out. Modes that are not there are
// an [stage.ErrStage].
func Centres(out, class string) (matrix.Matrix, error) {
	var c modesRecord
	if err := stage.ReadLocked(modesDir(out), &c); err != nil {
		return matrix.Matrix{}, err
	}
	if err := c.check(); err != nil {
		return matrix.Matrix{}, err
	}
	m, err := c.read(out, class)
	if err != nil {
		return matrix.Matrix{}, err
	}
	return m.Centres, nil
}

// Samples returns the latents [k, c·h·w] of which the images of a class were decoded, which [Run.Sample] wrote below
// out. Samples that are not there, or are of other modes, are an [stage.ErrStage].
func Samples(out, class string) (matrix.Matrix, error) {
	var c samplesRecord
	if err := stage.ReadLocked(samplesDir(out), &c); err != nil {
		return matrix.Matrix{}, err
	}
	if err := c.check(); err != nil {
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
	for j := range c.Modes.Settings.IPC {
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
