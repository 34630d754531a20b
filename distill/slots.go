package distill

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"mgd3/matrix"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/stage/numbers"
	"mgd3/weights"
)

// Slots are the modes of a class and what its images were decoded from. A reviewed set, which no run made, keeps those
// of the set that it was made of:
//
//	OUT/slots/CLASS.safetensors    centres [k, c·h·w], mass [k], latents [n, c·h·w], under a key of the images
//
// Masses are the real images of each mode, as the run had them. A row of latents is an image, in the order of the
// manifest, which names its mode.
type Slots struct {
	Centres matrix.Matrix // without rows where the modes are not there
	Sizes   []int64
	Latents matrix.Matrix // without rows where they are not there, or are those of other images
}

func slotsFile(out, class string) string { return filepath.Join(out, "slots", class+".safetensors") }

// key names the images that the latents belong to.
func (class ManifestClass) key() string {
	var images []string
	for _, im := range class.Images {
		images = append(images, im.SHA256)
	}
	return stage.Key("slots", images)
}

// SlotsOf reads the slots of a class of the finished set in out, whose entry is class: of the run's stages, or of a
// reviewed set's own file. What is not there is left out.
func SlotsOf(out string, class ManifestClass) (s Slots, err error) {
	var of modesRecord
	err = stage.ReadLocked(modesDir(out), &of)
	if errors.Is(err, stage.ErrStage) {
		s, key, err := readSlots(out, class.Name)
		if errors.Is(err, stage.ErrStage) || err == nil && key != class.key() {
			return Slots{}, nil
		}
		return s, err
	}
	if err == nil {
		err = of.Check()
	}
	if err != nil {
		return s, err
	}
	m, err := of.read(out, class.Name)
	if errors.Is(err, stage.ErrStage) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	s.Centres, s.Sizes = m.Centres, m.Sizes
	s.Latents, err = Samples(out, class.Name)
	if errors.Is(err, stage.ErrStage) || err == nil && s.Latents.Rows != len(class.Images) {
		s.Latents, err = matrix.Matrix{}, nil
	}
	return s, err
}

// With puts images that were made again into rows of a copy of the latents, and leaves out the other rows that are not
// kept. by is nil of an image that stays as it is.
func (s Slots) With(kept []int, by []*Redrawn) (Slots, error) {
	s.Latents = s.Latents.Pick(kept)
	for i, d := range by {
		if d == nil {
			continue
		}
		if len(d.latent) != s.Latents.Cols {
			return s, fmt.Errorf("%q: its latent has %d numbers, want %d", d.Entry.File, len(d.latent), s.Latents.Cols)
		}
		copy(s.Latents.Row(i), d.latent)
	}
	return s, nil
}

// Write writes the slots of the images in class, the entry of a manifest of the set in out.
func (s Slots) Write(out string, class ManifestClass) error {
	return atomicfile.Write(slotsFile(out, class.Name), func(w io.Writer) error {
		return weights.WriteSealedTensors(w, []weights.Tensor{
			weights.F32("centres", []int{s.Centres.Rows, s.Centres.Cols}, s.Centres.Data),
			weights.I64("mass", []int{len(s.Sizes)}, s.Sizes),
			weights.F32("latents", []int{s.Latents.Rows, s.Latents.Cols}, s.Latents.Data),
		}, map[string]string{"key": class.key()})
	})
}

// readSlots reads a reviewed set's own file, and its key. One that is not there is an [stage.ErrStage].
func readSlots(out, class string) (s Slots, key string, err error) {
	path := slotsFile(out, class)
	f, _, err := numbers.Open(path)
	if err != nil {
		return s, "", stageMissing(err)
	}
	defer f.Close()
	for name, into := range map[string]*matrix.Matrix{"centres": &s.Centres, "latents": &s.Latents} {
		t, err := f.Tensor(name)
		if err != nil {
			return s, "", err
		}
		if len(t.Shape) != 2 {
			return s, "", fmt.Errorf("%q: tensor %q is %v, want two dimensions", path, name, t.Shape)
		}
		into.Rows, into.Cols = t.Shape[0], t.Shape[1]
		if into.Data, err = t.Float32s(); err != nil {
			return s, "", err
		}
	}
	t, err := f.Tensor("mass")
	if err != nil {
		return s, "", err
	}
	if s.Sizes, err = t.Int64s(); err != nil {
		return s, "", err
	}
	if s.Centres.Cols != s.Latents.Cols || s.Centres.Rows != len(s.Sizes) {
		return s, "", fmt.Errorf("%q: tensors centres [%d, %d], mass [%d] and latents [%d, %d] do not belong together",
			path, s.Centres.Rows, s.Centres.Cols, len(s.Sizes), s.Latents.Rows, s.Latents.Cols)
	}
	return s, f.Metadata()["key"], nil
}

// slotFaults says what a reviewed set keeps of its classes' stages otherwise than its images are.
func (m *Manifest) slotFaults(out string) (faults []string) {
	for _, class := range m.Classes {
		s, key, err := readSlots(out, class.Name)
		if errors.Is(err, stage.ErrStage) {
			continue // of a set without stages
		}
		if err == nil && (key != class.key() || s.Latents.Rows != len(class.Images)) {
			err = fmt.Errorf("%q: %w: it is of other images", slotsFile(out, class.Name), stage.ErrDamaged)
		}
		if err != nil {
			faults = append(faults, err.Error())
			continue
		}
		for _, im := range class.Images {
			if im.Mode < 0 || im.Mode >= s.Centres.Rows {
				faults = append(faults, fmt.Sprintf("%s: %s is of mode %d of %d", manifestName, im.File, im.Mode,
					s.Centres.Rows))
			}
		}
	}
	return faults
}
