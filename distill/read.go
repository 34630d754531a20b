package distill

import (
	"mgd3/latent"
	"mgd3/modes"
)

// OpenLatents opens the latents of a class in the folder that [Run.Encode] wrote them to, below Out or Run.Latents.
// Latents that are not there are an [ErrStage].
func OpenLatents(dir, class string) (*latent.Class, error) {
	c, err := latent.OpenClass(classFile(dir, class))
	return c, stageMissing(err)
}

// Centres returns the modes [k, c·h·w] of a class that [Run.Discover] wrote below out. Modes that are not there are
// an [ErrStage].
func Centres(out, class string) (modes.Matrix, error) {
	var c modesClaim
	if err := readClaim(modesDir(out), &c); err != nil {
		return modes.Matrix{}, err
	}
	if err := c.check(); err != nil {
		return modes.Matrix{}, err
	}
	m, err := c.read(out, class)
	if err != nil {
		return modes.Matrix{}, err
	}
	return m.Centres, nil
}
