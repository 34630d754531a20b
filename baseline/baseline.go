// Package baseline makes sets by the method and by what it must be better than.
//
//	real images ──Make──▶ a folder for each set ──package evaluate──▶ accuracies ──package compare──▶ table
//
//	method    images of a class                                                 source
//	mgd3      sampled, pulled to the class's modes until stop                   MGD3 (arXiv:2505.18963)
//	nostop    the same with stop 0: pulled to the end                           MGD3 Table 5, second row
//	unguided  the same with λ 0: the diffusion model alone                      MGD3 Table 1, DiT
//	nearest   the real image nearest to each mode                               MGD3 Table 5, first row
//	herding   real images whose mean latent follows that of the class           package coreset
//	kcenter   real images far from each other in the latents                    package coreset
//	random    real images by chance
//	full      all real images: the ceiling
//
// and mgd3 with one option more, mgd3+ot say: see options.go.
//
// Set s of a method is made with seed s, which is that of the noise, or of the chance; the clustering keeps its own
// seed for every s, as published. The set is trained on once, with s as the seed of the training too: "three generated
// sets × one training each".
//
// With SeedEncodes, as published, s is the seed of the flips before encoding as well: every s has latents, and so
// modes, of its own, in all methods but random and full. Without it one encoding serves all sets. Then nearest,
// herding and kcenter leave nothing to chance: their set is the same for every s, and only the trainings differ.
//
// Real images are written as they were encoded, cropped to the model's size, so that all sets have
// equal pixels.
package baseline

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/embedding"
	"mgd3/encode"
	"mgd3/engine"
	"mgd3/internal/words"
	"mgd3/latent"
	"mgd3/stage"
)

// Method is a way to a set.
type Method string

const (
	MGD3     Method = "mgd3"
	NoStop   Method = "nostop"
	Unguided Method = "unguided"
	Nearest  Method = "nearest"
	Herding  Method = "herding"
	KCenter  Method = "kcenter"
	Random   Method = "random"
	Full     Method = "full"
)

// Methods are all methods, in the order of a table's rows.
var Methods = []Method{MGD3, NoStop, Unguided, Nearest, Herding, KCenter, Random, Full}

// Makes are the methods that [Make] knows: all but full, which is there.
var Makes = Methods[:len(Methods)-1]

// Sampled reports whether the method's images are drawn by the diffusion model.
func (m Method) Sampled() bool { return m == MGD3 || m == NoStop || m == Unguided || options[m] != nil }

// Encoded reports whether the method needs the latents of the real images.
func (m Method) Encoded() bool { return m != Random && m != Full }

// Seeded reports whether sets of other seeds have other images.
func (m Method) Seeded() bool { return m.Sampled() || m == Random }

// ParseMethods reads a list of methods, with commas. An empty list is all of them.
func ParseMethods(list string) ([]Method, error) {
	if list == "" {
		return Methods, nil
	}
	var methods []Method
	for _, name := range strings.Split(list, ",") {
		m := Method(strings.TrimSpace(name))
		if !slices.Contains(Methods, m) && options[m] == nil {
			return nil, &MethodError{string(m), append(slices.Clone(Methods), Options()...)}
		}
		if !slices.Contains(methods, m) {
			methods = append(methods, m)
		}
	}
	return methods, nil
}

// MethodError says that a name is no method's.
type MethodError struct {
	Name string
	Have []Method
}

func (e *MethodError) Error() string {
	return fmt.Sprintf("method %q, want %s", e.Name, words.Or(e.Have))
}

// Names are those of the methods that there are.
func (e *MethodError) Names() []string {
	names := make([]string, len(e.Have))
	for i, m := range e.Have {
		names[i] = string(m)
	}
	return names
}

// Maker makes sets; its fields say of what, and how.
type Maker struct {
	// Settings of all sampled sets. The method and its arguments decide the images per class, the seed of the noise,
	// λ of unguided and stop of nostop. Their Encode is how all real images are cropped.
	Settings distill.Settings

	Train *dataset.Set // the real images

	Engine      *engine.Engine
	Autoencoder *latent.Autoencoder // random does without
	Features    *embedding.Table    // that modes are found in where the settings name them; nil is none
	// of rules to choose by that ask a teacher, see distill.Run; nil is none
	OpenTeacher func(ctx context.Context, classes []string, size int) (distill.Teacher, error)
	Denoiser    distill.Denoiser // the sampled methods' alone
	ClassNames  []string         // the denoiser's classes in the order of its labels, or nil if they have no names

	// SeedEncodes encodes the images of set s with seed s, see distill.Preset; Settings.Encode.Seed is then that of
	// the first set.
	SeedEncodes bool

	Out     string // folder of all that is made
	Latents string // folder of the latents, made once for all sets, or once for each seed; "" means latents below Out
	Batch   int    // images on the device at once, or batch.Auto; as in distill.Run

	Report func(set ID, e stage.Event) // told of progress, from one goroutine at a time; may be nil
}

func (o *Maker) report(set ID, e stage.Event) {
	if o.Report != nil {
		o.Report(set, e)
	}
}

// LatentsDir is the folder of the latents of Settings.Encode.Seed.
func (o *Maker) LatentsDir() string {
	dir := o.Latents
	if dir == "" {
		dir = filepath.Join(o.Out, "latents")
	}
	if !o.SeedEncodes {
		return dir
	}
	return encode.SeedDir(dir, o.Settings.Encode.Seed, o.Latents == "")
}

// OfSeed returns what makes a set of the given seed.
func (o *Maker) OfSeed(seed uint64) Maker {
	of := *o
	if o.SeedEncodes && o.Settings.Encode.Seed != seed {
		of.Latents = cmp.Or(o.Latents, filepath.Join(o.Out, "latents"))
		of.Settings.Encode.Seed = seed
	}
	return of
}

// seeded reports whether sets of a method and of other seeds have other images.
func (o *Maker) seeded(m Method) bool { return m.Seeded() || o.SeedEncodes && m.Encoded() }

// ID names one set.
type ID struct {
	Method Method `json:"method"`
	IPC    int    `json:"ipc"` // 0 for full
	Seed   uint64 `json:"seed"`
}

func (s ID) String() string {
	if s.Method == Full {
		return string(Full)
	}
	return fmt.Sprintf("%s, IPC %d, seed %d", s.Method, s.IPC, s.Seed)
}

// folder is the name of the set's folder.
func (o *Maker) folder(s ID) string {
	name := fmt.Sprintf("%s-ipc%d", s.Method, s.IPC)
	if o.seeded(s.Method) {
		name += fmt.Sprintf("-seed%d", s.Seed)
	}
	return name
}
