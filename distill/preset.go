package distill

import (
	"fmt"
	"strings"

	"mgd3/diffusion"
	"mgd3/modes"
)

// Preset is published settings, the networks they are for, and what they reach.
type Preset struct {
	Name        string `json:"name"`
	About       string `json:"about"`
	Source      string `json:"source"`      // where the settings are published
	Denoiser    string `json:"denoiser"`    // by the name that dit.Named knows; for images of Settings.Encode.Size pixels
	Autoencoder string `json:"autoencoder"` // by the name that "mgd3 pull" knows

	// Settings are complete but for the images: the split, the limit, and how many images a class gets.
	Settings Settings `json:"settings"`

	// SeedEncodes says that the seed of the noise is that of the encoding as well: torch.manual_seed(seed) also seeds the loader's
	// workers, and so the flips, in the released programs. A set of another seed then has other latents and other modes.
	SeedEncodes bool `json:"seed_encodes"`

	// Accuracy is what the paper prints for ImageNette, 10 images per class, ResNetAP-10, hard labels: mean and standard deviation
	// in percent, and where.
	Accuracy, Spread float64 `json:"-"`
	Table            string  `json:"-"`
}

// Presets returns all presets, MGD3 as published first. TestPresets holds each value against numbers copied from the publications.
func Presets() []Preset {
	mgd3 := Preset{
		Name: "mgd3", About: "MGD3 as published: k-means modes, guided while t > 25 of 50",
		Source:   "arXiv:2505.18963, sections 4 and 5 and appendices A and F, and the released programs sample_mode_guidance.py and tsne_plots.py",
		Denoiser: "DiT-XL/2", Autoencoder: "sd-vae-ft-mse",
		Settings: Settings{
			Encode: EncodeSettings{Size: 256, Crop: CropADM, Flip: true, IgnoreEXIF: true},
			Modes:  ModeSettings{Method: modes.KMeans, Short: modes.ShortError},
			Sample: SampleSettings{Settings: diffusion.Settings{
				Rule: diffusion.DDPM, Schedule: diffusion.DiT(1000), Respacing: "50",
				Lambda: 0.1, Stop: 25, CFG: 4, CFGChannels: 3,
			}},
		},
		SeedEncodes: true,
		Accuracy:    66.4, Spread: 2.4, Table: "Table 1",
	}

	gmm := mgd3
	gmm.Name, gmm.About = "mgd3-gmm", "the same with a Gaussian mixture's means as modes, the best of the paper's comparison"
	gmm.Source = "arXiv:2505.18963, Table 7 and appendix D; the mixture's covariances, which are not published, are diagonal here"
	gmm.Settings.Modes.Method = modes.GMM
	gmm.Accuracy, gmm.Spread, gmm.Table = 66.9, 0.4, "Table 7"

	plain := mgd3
	plain.Name, plain.About = "dit", "the diffusion model alone, without modes: what MGD3 is held against"
	plain.Source = "arXiv:2505.18963, Table 1, row DiT"
	plain.Settings.Sample.Lambda = 0
	plain.Accuracy, plain.Spread, plain.Table = 59.1, 0.7, "Table 1"

	ddim := mgd3
	ddim.Name, ddim.About = "ddim", "the paper's Algorithm 1: DDIM steps, the pull in the noise"
	ddim.Source = "arXiv:2505.18963, Algorithm 1 and Table 6; stop and cfg, which it leaves open, are those of mgd3"
	ddim.Settings.Sample.Rule = diffusion.DDIMPaper
	ddim.Accuracy, ddim.Spread, ddim.Table = 66.6, 0.6, "Table 6"

	return []Preset{mgd3, gmm, plain, ddim}
}

// FindPreset returns a preset by its name.
func FindPreset(name string) (Preset, error) {
	var names []string
	for _, p := range Presets() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Preset{}, fmt.Errorf("no preset %q, want one of %s", name, strings.Join(names, ", "))
}
