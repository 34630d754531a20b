package model

import (
	"context"
	"fmt"
	"path"

	"mgd3/diffusion"
	"mgd3/diffusion/scheduler"
	"mgd3/distill"
	"mgd3/dit"
	"mgd3/engine"
	"mgd3/latent"
	"mgd3/sd"
	"mgd3/weights"
)

// Opened is a denoiser, and what is known of it.
type Opened struct {
	distill.Denoiser
	Notes []string // how its files were read
	Side  int      // height and width of the latents it was made for; 0 where nothing says

	// Steps is how the makers of a latent diffusion model take steps; nil of a DiT, of which each rule says it.
	Steps *scheduler.Config
}

// OpenDenoiser opens the denoiser for an engine: a [*dit.Model], a [*sd.Model] or a [*sd.Network].
func (n Networks) OpenDenoiser(ctx context.Context, e *engine.Engine) (*Opened, error) {
	f, err := n.Find(Denoiser)
	if err != nil {
		return nil, err
	}
	if err := f.checkDenoiser(); err != nil {
		return nil, err
	}
	if !f.isUNet() {
		if n.Prediction != "" {
			return nil, fmt.Errorf("%q: %w, of which no prediction can be given", f.Path, ErrDiT)
		}
		m, err := dit.OpenFS(ctx, e, f.FS, f.Path)
		if err != nil {
			return nil, err
		}
		return &Opened{m, m.Notes, m.InputSize, nil}, nil
	}
	o := sd.Options{Text: n.textRoot(f), Given: n.Prediction != ""}
	if o.Prediction, err = prediction(n.Prediction); err != nil {
		return nil, err
	}
	m, classes, err := sd.OpenFS(ctx, e, f.FS, f.Path, o)
	switch {
	case err != nil:
		return nil, err
	case classes != nil:
		return &Opened{classes, classes.Notes, classes.Side, &classes.Scheduler}, nil
	}
	m.Prompts = n.Prompts
	return &Opened{m, m.Notes, m.Side, &m.Scheduler}, nil
}

// prediction reads what a user calls it.
func prediction(name string) (diffusion.Prediction, error) {
	switch name {
	case "", "epsilon":
		return diffusion.Epsilon, nil
	case "v":
		return diffusion.Velocity, nil
	}
	return "", fmt.Errorf("the prediction is %q, want epsilon or v", name)
}

// isUNet reports whether the denoiser in a folder or a file is a U-Net.
func (f Folder) isUNet() bool {
	switch path.Base(f.Path) {
	case "unet":
		return true
	case "dit", "transformer":
		return false
	}
	return sd.Is(f.FS, f.Path)
}

// isWhole reports whether a file is the checkpoint of a whole model.
func (f Folder) isWhole() bool {
	file, err := weights.OpenFS(f.FS, f.Path)
	if err != nil {
		return false
	}
	defer file.Close()
	kind, err := weights.CheckpointOf(file)
	return err == nil && kind != weights.NoCheckpoint
}

// textRoot is where the text encoders of a U-Net are, if not beside it: below the model, where another denoiser is
// given.
func (n Networks) textRoot(unet Folder) string {
	if n.Denoiser == "" || n.Model.Path == "" || n.Model.FS != unet.FS {
		return ""
	}
	if info, err := n.Model.stat("text_encoder"); err == nil && info.IsDir() {
		return n.Model.Path
	}
	return ""
}

// Size returns the side of the images, in pixels, whose latents of the autoencoder the denoiser was made for. It reads
// the denoiser's configuration alone.
func (n Networks) Size(a *latent.Autoencoder) (int, error) {
	f, err := n.Find(Denoiser)
	if err != nil {
		return 0, err
	}
	if err := f.checkDenoiser(); err != nil {
		return 0, err
	}
	if !f.isUNet() {
		c, err := dit.ConfigFS(f.FS, f.Path)
		return c.InputSize * a.Downsampling(), err
	}
	p, err := prediction(n.Prediction)
	if err != nil {
		return 0, err
	}
	side, err := sd.Side(f.FS, f.Path, sd.Options{Prediction: p, Given: n.Prediction != ""})
	if err == nil && side == 0 {
		err = fmt.Errorf("%q: %w", f.Path, ErrSize)
	}
	return side * a.Downsampling(), err
}

// IsUNet reports whether the denoiser is that of a latent diffusion model; not where there is none.
func (n Networks) IsUNet() bool {
	f, err := n.Find(Denoiser)
	return err == nil && f.isUNet()
}

// IsPrompted reports whether the denoiser is told prompts.
func (n Networks) IsPrompted() bool {
	f, err := n.Find(Denoiser)
	return err == nil && f.isUNet() && sd.IsPrompted(f.FS, f.Path)
}
