package distill

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"

	"mgd3/dataset"
	"mgd3/diffusion"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/stage/numbers"
	"mgd3/weights"
)

// Again asks for one image of a run once more, with settings of its own.
type Again struct {
	Class    string
	Mode     int            // row of the class's centres
	Settings SampleSettings // of ChooseS3 with the seed that was chosen

	// Every so many steps, and at the last, See is told what the image is taken to be on its way (x0, decoded), as PNG;
	// nil looks at nothing. The image does not depend on it.
	Every int
	See   func(step, steps int, png []byte) error
}

// Redrawn is an image that was made once more: the bytes that [Run.Sample] would write with these settings as the image
// of this mode.
type Redrawn struct {
	PNG   []byte
	Entry ManifestImage // as the manifest of such a run has it
	How   Remade

	latent []float32 // [c, h, w]
	shape  []int
}

// Remade says how an image was made that is not of the run of its set: with these settings in the place of the run's.
type Remade struct {
	Settings SampleSettings `json:"settings"`
	Modes    string         `json:"modes_key"` // of the file of modes that it was made from
	Backend  string         `json:"backend"`
	Batch    int            `json:"batch,omitempty"`
	Device   string         `json:"device,omitempty"`
}

// Again makes one image of the finished run in r.Out once more. It reads there and writes nothing. Another denoiser or
// autoencoder than the run's is an [ErrModel].
func (r *Run) Again(ctx context.Context, a Again) (*Redrawn, error) {
	c, err := readSamplesRecord(r.Out)
	if err != nil {
		return nil, err
	}
	if c.Denoiser != r.Denoiser.Hash() {
		return nil, fmt.Errorf("%w: the images were made by another denoiser, SHA-256 %.12s, not %.12s", ErrModel,
			c.Denoiser, r.Denoiser.Hash())
	}
	other := *r
	if a.Settings.Choose == ChooseS3 { // of an image alone there is nothing to choose: the seed decides
		a.Settings.PoolOf, a.Settings.Choose = 0, ""
	}
	other.Settings.Sample = a.Settings
	if err := other.checkModel(c.Modes.Latents); err != nil {
		return nil, err
	}
	if err := other.takeTeacher(ctx, c.Modes.Latents); err != nil {
		return nil, err
	}
	if p, ok := r.Denoiser.(Prompted); ok { // makes the network know the classes
		prompts, err := p.Prompt(ctx, c.Modes.Latents.Classes, c.Modes.Latents.Settings.Size)
		if err != nil {
			return nil, err
		}
		if !slices.Equal(prompts, c.Prompts) {
			return nil, fmt.Errorf("%w: the images were made with other prompts, such as %.80q", ErrModel, c.Prompts)
		}
	}
	rows := 1
	if c.Settings, c.Choices, c.Backend = other.Settings.Sample, nil, r.Engine.Name(); r.Engine.FixedRows {
		rows = max(1, c.Batch)
	}
	if c.Batch = 0; r.Engine.FixedRows {
		c.Batch = rows
	}
	if err := c.Settings.Check(); err != nil {
		return nil, err
	}
	class := slices.Index(c.Modes.Latents.Classes, a.Class)
	if class < 0 {
		return nil, fmt.Errorf("%q has no class %q", r.Out, a.Class)
	}
	modes, err := c.Modes.read(r.Out, a.Class)
	if err != nil {
		return nil, err
	}
	if a.Mode < 0 || a.Mode >= modes.Centres.Rows {
		return nil, fmt.Errorf("class %q has the modes 0 to %d, not %d", a.Class, modes.Centres.Rows-1, a.Mode)
	}
	return other.again(ctx, a, c, class, modes, rows)
}

// again draws the image, or all of its class where those are drawn together.
func (r *Run) again(ctx context.Context, a Again, c samplesRecord, class int, modes *classModes, rows int) (*Redrawn,
	error) {
	s, err := r.newSampling(c)
	if err != nil {
		return nil, err
	}
	wanted, at := []image{c.image(class, a.Mode)}, 0
	if s.whole() {
		wanted, at = nil, a.Mode
		for j := range modes.Centres.Rows {
			wanted = append(wanted, c.image(class, j))
		}
	}
	n := modes.Centres.Cols
	if a.See != nil {
		s.watch = &diffusion.Watch{Every: a.Every, See: func(k, steps int, x0 []float32) error {
			pixels, err := s.decode(ctx, x0[at*n:(at+1)*n], 1, r.Engine.GraphRows(1, rows))
			if err != nil {
				return err
			}
			var png bytes.Buffer
			size := c.Modes.Latents.Settings.Size
			if err := dataset.WritePNG(&png, dataset.FromTensor(pixels, size, size)); err != nil {
				return err
			}
			return a.See(k, steps, png.Bytes())
		}}
	}
	made, err := s.draw(ctx, wanted, r.Engine.GraphRows(len(wanted), rows))
	if err != nil {
		return nil, err
	}
	return s.redrawn(a, made, at, modes)
}

// redrawn takes an image out of a batch.
func (s *sampling) redrawn(a Again, made *drawn, at int, modes *classModes) (*Redrawn, error) {
	size, d := s.record.Modes.Latents.Settings.Size, modes.Centres.Cols
	n := 3 * size * size
	var png bytes.Buffer
	if err := dataset.WritePNG(&png, dataset.FromTensor(made.pixels[at*n:(at+1)*n], size, size)); err != nil {
		return nil, err
	}
	chosen := kept{seed: s.record.Settings.Seed}
	if s.record.Settings.candidates() > 1 {
		chosen = made.kept[at]
	}
	latent := slices.Clone(made.latents[at*d : (at+1)*d])
	return &Redrawn{PNG: png.Bytes(), latent: latent, shape: s.record.Modes.Latents.Shape,
		Entry: ManifestImage{File: ImageFile(a.Class, a.Mode), SHA256: digest(png.Bytes()), Mode: a.Mode,
			ClusterSize: modes.Sizes[a.Mode], Nearest: modes.Names[modes.Nearest[a.Mode]], Seed: chosen.seed,
			Taken:    chosen.taken,
			Distance: modes.distance(latent, a.Mode)},
		How: Remade{Settings: s.record.Settings, Modes: modes.Key, Backend: s.record.Backend, Batch: s.record.Batch,
			Device: s.run.Engine.Machine()},
	}, nil
}

// readSamplesRecord reads the settings of a run's samples.
func readSamplesRecord(out string) (c samplesRecord, err error) {
	if err := stage.ReadLocked(samplesDir(out), &c); err != nil {
		return c, err
	}
	if err := c.Check(); err != nil {
		return c, fmt.Errorf("%s: %w", samplesDir(out), err)
	}
	return c, nil
}

// SampledWith are the settings that the images of a run were made with.
func SampledWith(out string) (SampleSettings, error) {
	c, err := readSamplesRecord(out)
	return c.Settings, err
}

// keyOf names all that the bytes of an image depend on that was made so, in a set with this manifest.
func (h Remade) keyOf(m *Manifest, class ManifestClass, mode int) string {
	c := samplesRecord{Settings: h.Settings, Denoiser: m.Denoiser, Backend: h.Backend, Batch: h.Batch}
	c.Modes.Latents.Autoencoder = m.Autoencoder
	return c.key(image{class: class.Name, index: mode, label: class.Label, prompt: class.Prompt}, h.Modes)
}

// Write writes the image and its latent, as the files of a set whose manifest is m keep them; see [Review].
func (d *Redrawn) Write(out string, m *Manifest, class ManifestClass, file string) error {
	png, latent := filesOf(out, file)
	about := map[string]string{"key": d.How.keyOf(m, class, d.Entry.Mode), "image": d.Entry.SHA256}
	if d.How.Settings.candidates() > 1 {
		kept{d.Entry.Seed, d.Entry.Taken}.about(about)
	}
	if d.How.Device != "" {
		about["device"] = d.How.Device
	}
	if err := atomicfile.WriteBytes(png, d.PNG); err != nil {
		return err
	}
	return atomicfile.Write(latent, func(w io.Writer) error {
		return weights.WriteSealedTensors(w, []weights.Tensor{weights.F32("latent", d.shape, d.latent)}, about)
	})
}

// ReadRedrawn reads what [Redrawn.Write] wrote under entry, and holds it against its checksums and its key.
func ReadRedrawn(out string, m *Manifest, class ManifestClass, entry ManifestImage, how Remade) (*Redrawn, error) {
	png, path := filesOf(out, entry.File)
	f, _, err := numbers.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	about := f.Metadata()
	if about["key"] != how.keyOf(m, class, entry.Mode) {
		return nil, fmt.Errorf("%q: %w: not of the settings that are said of it", path, stage.ErrDamaged)
	}
	if about["image"] != entry.SHA256 {
		return nil, fmt.Errorf("%q: %w: it is of another image", path, stage.ErrDamaged)
	}
	t, err := f.Tensor("latent")
	if err != nil {
		return nil, err
	}
	d := &Redrawn{Entry: entry, How: how, shape: t.Shape}
	if d.latent, err = t.Float32s(); err != nil {
		return nil, err
	}
	if d.PNG, err = atomicfile.Read(png, mostPNG); err != nil {
		return nil, err
	}
	if have := digest(d.PNG); have != entry.SHA256 {
		return nil, fmt.Errorf("%q: %w: it has SHA-256 %s, want %s", png, stage.ErrDamaged, have, entry.SHA256)
	}
	return d, nil
}

// StepCount is how many steps an image takes.
func (s SampleSettings) StepCount() (int, error) {
	sampler, err := diffusion.New(s.Settings)
	if err != nil {
		return 0, err
	}
	return len(sampler.Steps()), nil
}
