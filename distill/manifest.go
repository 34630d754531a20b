package distill

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"mgd3/latent"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/stage/numbers"
	"mgd3/store"
)

// manifestFormat counts the changes that older readers of a manifest would not survive.
const manifestFormat = 1

// Manifest says what a distilled set was made from. It holds no times and no paths of the machine, so
// equal runs give equal bytes.
type Manifest struct {
	Format   int      `json:"format"`
	Version  string   `json:"version"`
	Settings Settings `json:"settings"`
	Choices  []Choice `json:"choices,omitempty"` // settings that were chosen automatically
	// the real images were only this part of the set; "" means all
	Part        string `json:"part,omitempty"`
	Autoencoder string `json:"autoencoder"` // SHA-256 of the weights
	Denoiser    string `json:"denoiser"`    // SHA-256 of the weights
	Backend     string `json:"backend"`
	// where bytes depend on them: what the images were sampled on, each once; not in versions before
	Devices []string `json:"devices,omitempty"`
	// rows of the sampler's graphs, where bytes depend on them
	Batch       int             `json:"batch,omitempty"`
	EncodeBatch int             `json:"encode_batch,omitempty"` // rows of the encoder's graphs, likewise
	Distance    Distance        `json:"distance"`               // mean over all images
	Merged      []MergedSource  `json:"merged,omitempty"`       // the sets that it was put together from
	Imported    *Imported       `json:"imported,omitempty"`     // what it was, where no run made it
	Reviewed    *Reviewed       `json:"reviewed,omitempty"`     // what it was, before somebody decided about its images
	Classes     []ManifestClass `json:"classes"`

	runaways Runaways // known to who assembles it
}

// ManifestClass is one class of a manifest.
type ManifestClass struct {
	Name    string           `json:"name"`
	Label   int32            `json:"label"`            // of the denoiser
	Prompt  string           `json:"prompt,omitempty"` // of a text-to-image model
	Real    int              `json:"real"`             // images that were encoded
	Skipped []latent.Skipped `json:"skipped,omitempty"`
	Images  []ManifestImage  `json:"images"`
}

// ManifestImage is one synthetic image of a manifest.
type ManifestImage struct {
	File        string   `json:"file"`    // below the output folder, with slashes
	SHA256      string   `json:"sha256"`  // of the file
	Mode        int      `json:"mode"`    // row of the class's centres
	ClusterSize int64    `json:"mass"`    // real images of the mode
	Nearest     string   `json:"nearest"` // real image nearest to the mode
	Seed        uint64   `json:"seed"`    // the noise is the stream (seed, class, mode)
	Distance    Distance `json:"distance"`
	// by the teacher for another class, as were all other candidates, see ChooseTeacher
	Taken  bool    `json:"taken_for_another,omitempty"`
	Source string  `json:"source,omitempty"` // of a baseline's set: the real image that it is
	Review *Review `json:"review,omitempty"` // what somebody decided about it
}

// Path is the image's file below the output folder. A manifest may come from anywhere: a file outside the set's images
// is an error.
func (im ManifestImage) Path(out string) (string, error) {
	if name := filepath.FromSlash(im.File); filepath.IsLocal(name) && strings.HasPrefix(im.File, "images/") &&
		path.Clean(im.File) == im.File {
		return filepath.Join(out, name), nil
	}
	return "", fmt.Errorf("%q: the manifest names a file outside the set, want one below images", im.File)
}

// Distance is how far a synthetic latent ended from the modes of its class, in scaled units: the
// Euclidean norm over c·h·w numbers.
type Distance struct {
	Own    float64 `json:"own"`    // to the mode it was made from
	Others float64 `json:"others"` // mean to the class's other modes; 0 if it has no others
}

const manifestName = "manifest.json"

// Finish writes the manifest if all images are there, made under the keys of these settings and modes,
// and returns it; it returns nil if other shards have yet to finish.
func Finish(out string) (*Manifest, error) {
	var c samplesRecord
	if err := stage.ReadLocked(samplesDir(out), &c); err != nil {
		return nil, err
	}
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", samplesDir(out), err)
	}
	if c.Settings.Choose == ChooseS3 {
		if err := c.chooseGroups(out); err != nil {
			return nil, err
		}
	}
	m, err := assemble(out, c)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, errStale) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	data = append(data, '\n')
	path := filepath.Join(out, manifestName)
	// shards that end together all find that nothing is missing
	unlock, err := atomicfile.Wait(context.Background(), path)
	if err != nil {
		return nil, err
	}
	defer unlock()
	have, err := atomicfile.Read(path, int64(len(data)))
	if err == nil && bytes.Equal(have, data) || store.Failed(err) {
		return m, err // a finished run may lie on a read-only disk
	}
	return m, atomicfile.WriteBytes(path, data)
}

// assemble makes the manifest of the files that are there. A missing one is an [os.ErrNotExist], one of other modes or
// settings an errStale, one that is not as it was written an [stage.ErrDamaged].
func assemble(out string, c samplesRecord) (*Manifest, error) {
	m := &Manifest{
		Format: manifestFormat, Version: stage.Version,
		Settings: Settings{c.Modes.Latents.Settings, c.Modes.Settings, c.Settings}, Choices: c.Choices,
		Part:        c.Modes.Latents.Part,
		Autoencoder: c.Modes.Latents.Autoencoder, Denoiser: c.Denoiser, Backend: c.Backend, Batch: c.Batch,
		EncodeBatch: c.Modes.Latents.Batch,
	}
	for i, name := range c.Modes.Latents.Classes {
		if err := m.addClass(out, i, c); err != nil {
			return nil, fmt.Errorf("class %q: %w", name, err)
		}
	}
	slices.Sort(m.Devices)
	m.Devices = slices.Compact(m.Devices)
	m.Distance = m.meanDistance()
	return m, nil
}

// addClass adds a class, and the devices of its images where these name any.
func (m *Manifest) addClass(out string, i int, c samplesRecord) error {
	of := c.image(i, 0)
	name := of.class
	modes, err := c.Modes.read(out, name)
	if err != nil {
		return err
	}
	class := ManifestClass{Name: name, Label: of.label, Prompt: of.prompt, Real: len(modes.Names),
		Skipped: modes.Skipped}
	reach := modes.reach()
	for j := range modes.Centres.Rows {
		im := c.image(i, j)
		latent, about, err := readSample(im.latent(out), c.key(im, modes.Key), modes.Centres.Cols)
		if err != nil {
			return err
		}
		if device := about["device"]; device != "" {
			m.Devices = append(m.Devices, device)
		}
		if there, err := atomicfile.Exists(im.png(out)); err != nil || !there {
			return cmp.Or(err, fmt.Errorf("%q: %w", im.png(out), os.ErrNotExist))
		}
		seed := c.Settings.Seed
		if chosen, err := strconv.ParseUint(about["seed"], 10, 64); err == nil {
			seed = chosen
		}
		entry := ManifestImage{
			File: ImageFile(name, j), SHA256: about["image"],
			Mode: j, ClusterSize: modes.Sizes[j], Nearest: modes.Names[modes.Nearest[j]], Seed: seed,
			Taken:    about["taken"] != "",
			Distance: modes.distance(latent, j),
		}
		class.Images = append(class.Images, entry)
		m.runaways.add(entry, reach)
	}
	m.Classes = append(m.Classes, class)
	return nil
}

// errStale says that a file was made from other modes or settings.
var errStale = errors.New("made under another key")

// readSample returns the latent of one synthetic image, d numbers or any if d is negative, and what is written about
// the image: the hash of its file as "image", and perhaps the "device". A file made under another key is an errStale.
func readSample(path, key string, d int) (latent []float32, about map[string]string, err error) {
	f, _, err := numbers.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if f.Metadata()["key"] != key {
		return nil, nil, fmt.Errorf("%s: %w", path, errStale)
	}
	t, err := f.Tensor("latent")
	if err != nil {
		return nil, nil, err
	}
	latent, err = t.Float32s()
	if err == nil && d >= 0 && len(latent) != d {
		err = fmt.Errorf("%s: tensor latent has shape %v, want %d numbers", path, t.Shape, d)
	}
	return latent, f.Metadata(), err
}

// distance compares the latent made from the own-th mode with all modes.
func (m *classModes) distance(latent []float32, own int) Distance {
	var d Distance
	for i := range m.Centres.Rows {
		sum := 0.0
		for k, v := range m.Centres.Row(i) {
			diff := float64(v) - float64(latent[k])
			sum += diff * diff
		}
		if i == own {
			d.Own = math.Sqrt(sum)
		} else {
			d.Others += math.Sqrt(sum) / float64(m.Centres.Rows-1)
		}
	}
	return d
}

func (m *Manifest) meanDistance() Distance {
	var sum Distance
	n := 0
	for _, class := range m.Classes {
		for _, im := range class.Images {
			sum.Own += im.Distance.Own
			sum.Others += im.Distance.Others
			n++
		}
	}
	return Distance{sum.Own / float64(n), sum.Others / float64(n)}
}

// ReadManifest reads the manifest of an output folder. One that is not as any run writes it is an [stage.ErrDamaged].
func ReadManifest(out string) (*Manifest, error) {
	m, _, err := readManifest(out)
	return m, err
}

// readManifest returns the text of the manifest, too.
func readManifest(out string) (*Manifest, []byte, error) {
	name := filepath.Join(out, manifestName)
	data, err := atomicfile.Read(name, mostPNG)
	if err != nil {
		return nil, nil, err
	}
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, nil, fmt.Errorf("%q: %w: %s", name, stage.ErrDamaged, stage.NotJSON(err))
	}
	if m.Format != manifestFormat {
		return nil, nil, fmt.Errorf("%q: %w, or of a later version: it has format %d, want %d", name, stage.ErrDamaged,
			m.Format, manifestFormat)
	}
	if len(m.Classes) == 0 {
		return nil, nil, fmt.Errorf("%q: %w: it has no classes", name, stage.ErrDamaged)
	}
	return &m, data, nil
}

// ClassNames are the names of the classes, in the order of the manifest.
func (m *Manifest) ClassNames() []string {
	var names []string
	for _, c := range m.Classes {
		names = append(names, c.Name)
	}
	return names
}
