package distill

import (
	"errors"
	"fmt"
	"os"

	"mgd3/diffusion"
	"mgd3/encode"
	"mgd3/latent"
	"mgd3/stage"
	"mgd3/stage/numbers"
)

// The settings files of the stages, each with all that came before it. They are read back by later
// stages, perhaps on another machine, so what they say is checked before it is used.

// modesRecord is the settings file of the modes.
type modesRecord struct {
	Settings ModeSettings  `json:"settings"`
	Latents  encode.Record `json:"latents"`
}

// samplesRecord is the settings file of the samples.
type samplesRecord struct {
	Settings SampleSettings `json:"settings"`
	Modes    modesRecord    `json:"modes"`
	Labels   []int32        `json:"labels"`            // of the classes
	Prompts  []string       `json:"prompts,omitempty"` // of the classes, see [Prompted]
	Denoiser string         `json:"denoiser"`          // SHA-256 of the weights
	Backend  string         `json:"backend"`
	Batch    int            `json:"batch,omitempty"` // as in encode.Record
	Choices  []Choice       `json:"choices,omitempty"`
}

func (c modesRecord) Check() error {
	if err := c.Settings.Check(); err != nil {
		return err
	}
	return c.Latents.Check()
}

func (c samplesRecord) Check() error {
	if len(c.Labels) != len(c.Modes.Latents.Classes) {
		return fmt.Errorf("%s: has %d labels for %d classes", stage.SettingsFile, len(c.Labels),
			len(c.Modes.Latents.Classes))
	}
	if n := len(c.Prompts); n != 0 && n != len(c.Labels) {
		return fmt.Errorf("%s: has %d prompts for %d classes", stage.SettingsFile, n, len(c.Labels))
	}
	return c.Modes.Check()
}

// image is the j-th image of the i-th class.
func (c samplesRecord) image(i, j int) image {
	im := image{class: c.Modes.Latents.Classes[i], index: j, label: c.Labels[i]}
	if c.Prompts != nil {
		im.prompt = c.Prompts[i]
	}
	return im
}

// read reads the modes file of one class. One that is not there is an [stage.ErrStage].
func (c modesRecord) read(out, class string) (*classModes, error) {
	s, k := c.Latents.Shape, c.Settings.IPC
	if c.Settings.Method == OwnModes {
		k = -1
	}
	m, err := readModes(ModesFile(out, class), k, s[0]*s[1]*s[2])
	return m, stageMissing(err)
}

// counts are the images of each class: as many as were asked for, or as it has modes of its own. A class whose modes
// are not there counts as full.
func (c modesRecord) counts(out string) ([]int, error) {
	counts := make([]int, len(c.Latents.Classes))
	for i, class := range c.Latents.Classes {
		if counts[i] = c.Settings.IPC; c.Settings.Method != OwnModes {
			continue
		}
		m, err := c.read(out, class)
		if errors.Is(err, stage.ErrStage) || errors.Is(err, stage.ErrDamaged) {
			continue // a later line says so
		}
		if err != nil {
			return nil, err
		}
		counts[i] = m.Centres.Rows
	}
	return counts, nil
}

// keyOf names all that the modes of a class's latents depend on.
func (c modesRecord) keyOf(cached *latent.Class) string {
	return stage.Key(c.Settings, cached.Key, cached.Names)
}

// key names all that the bytes of one image depend on, given the key of the modes it is made from.
func (c samplesRecord) key(im image, modes string) string {
	parts := []any{c.Settings, c.Denoiser, c.Modes.Latents.Autoencoder, c.Backend, modes, im.label, im.index}
	if c.Batch != 0 {
		parts = append(parts, c.Batch)
	}
	if im.prompt != "" {
		parts = append(parts, im.prompt)
	}
	if r := c.Settings.Rule; c.Settings.Lambda != 0 && (r == diffusion.DPM2M || r == diffusion.UniPC) {
		parts = append(parts, "forgets") // earlier programs never forgot a pull in these rules
	}
	if c.Settings.candidates() > 1 {
		parts = append(parts, "apart") // earlier programs drew with the seeds Seed, Seed + 1, …
	}
	return stage.Key(parts...)
}

// samplesAre reports whether the samples below out are of these settings and of the modes there, or there are none.
func (c samplesRecord) samplesAre(out string) (bool, error) {
	var m numbers.Tally
	for i, class := range c.Modes.Latents.Classes {
		modes, err := c.Modes.read(out, class)
		if errors.Is(err, stage.ErrStage) || errors.Is(err, stage.ErrDamaged) {
			continue // a later line says so
		}
		if err != nil {
			return false, err
		}
		for j := range modes.Centres.Rows {
			im := c.image(i, j)
			if err := m.Add(im.latent(out), c.key(im, modes.Key)); err != nil {
				return false, err
			}
		}
	}
	return m.Ours(), nil
}

// stageMissing says [stage.ErrStage] of a file that is not there.
func stageMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: %w", stage.ErrStage, err)
	}
	return err
}
