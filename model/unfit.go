package model

import (
	"fmt"

	"mgd3/distill"
	"mgd3/dit"
	"mgd3/weights"
)

// checkDenoiser is a [weights.ErrMismatch] where the names in a file tell that it is no denoiser, but something that
// lies beside one.
func (f Folder) checkDenoiser() error {
	file, err := weights.OpenFS(f.FS, f.Path)
	if err != nil {
		return nil // whoever opens it next says so
	}
	defer file.Close()
	return f.notBeside(file)
}

// checkFile is checkDenoiser of a file that nobody opens next: it may be damaged, or most of a whole model.
func (f Folder) checkFile() error {
	file, err := weights.OpenFS(f.FS, f.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := f.notBeside(file); err != nil {
		return err
	}
	_, err = weights.CheckpointOf(file)
	return err
}

// notBeside is the error of checkDenoiser, of f when it is open.
func (f Folder) notBeside(file *weights.File) error {
	if is := weights.Beside(file); is != "" {
		return fmt.Errorf("%s: %w: this is %s; want a denoiser", f.Path, weights.ErrMismatch, is)
	}
	return nil
}

// Unfit says why the networks are not those that a preset is for; d is their denoiser, nil where it is not open.
func (n Networks) Unfit(p distill.Preset, d distill.Denoiser) []string {
	if d, ok := d.(*dit.Model); ok && !d.Fits(p.Denoiser, p.Settings.Encode.Size) {
		return []string{fmt.Sprintf("preset %s is for %s at %d pixels; this denoiser has %d blocks of width %d, "+
			"patches of %d and latents of %d × %d", p.Name, p.Denoiser, p.Settings.Encode.Size, d.Depth, d.Hidden,
			d.Patch, d.InputSize, d.InputSize)}
	}
	if n.Autoencoder == "" && n.Model.IsPipeline() && p.Autoencoder != p.Denoiser {
		return []string{fmt.Sprintf("preset %s is for the autoencoder %s, which --vae can name; that of a DiT "+
			"pipeline is sd-vae-ft-ema as a rule", p.Name, p.Autoencoder)}
	}
	return nil
}
