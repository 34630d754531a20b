package distill

import (
	"fmt"
	"slices"

	"mgd3/diffusion"
	"mgd3/encode"
	"mgd3/internal/words"
	"mgd3/modes"
)

// Settings are everything that decides the bytes of a distilled set, besides the images and the weights.
type Settings struct {
	Encode encode.Settings `json:"encode"`
	Modes  ModeSettings    `json:"modes"`
	Sample SampleSettings  `json:"sample"`
}

// What the fields of the settings may be.
var (
	ModeMethods  = []modes.Method{modes.KMeans, modes.GMM, modes.Bisecting}
	ShortClasses = []modes.Short{modes.ShortError, modes.ShortRepeat}
)

// OwnModes takes every latent of a class for a mode of its own, as "mgd3 refine" does: IPC is the number of images of
// the largest class.
const OwnModes modes.Method = "own"

// ModeSettings say how the latents of a class become modes (MGD3 section 4.1 and Table 7).
type ModeSettings struct {
	IPC     int          `json:"ipc"`     // images per class, and so modes
	Method  modes.Method `json:"method"`  // k-means is published
	Nearest bool         `json:"nearest"` // the real latent nearest to each centre in its place
	Pool    int          `json:"pool"`    // cluster latents averaged over pool × pool cells; 0 or 1 means as they are
	Short   modes.Short  `json:"short"`   // what becomes of a class with fewer images than modes
	Seed    uint64       `json:"seed"`    // the released programs keep it at 0 whatever the run's seed

	// IPC images are shared among so many modes by the sizes of their clusters, one at least to each; 0 is one mode
	// for each image
	Shares int `json:"shares,omitempty"`
	// SHA-256 of the file of features that clusters are found in, see package embed; "" is the latents
	Features string `json:"features,omitempty"`
}

// SampleSettings say how modes become images.
type SampleSettings struct {
	diffusion.Settings
	Seed uint64 `json:"seed"` // of the noise

	// PoolOf draws each image so often, with the seeds Seed, Seed + 2³², Seed + 2·2³², …, and keeps the one that Choose
	// says; 0 and 1 are once
	PoolOf int    `json:"pool_of,omitempty"`
	Choose Choose `json:"choose,omitempty"`
	// ID of the teacher that Choose asks; a run that opens one puts it here
	Teacher string `json:"teacher,omitempty"`

	// Adaptive takes a λ for each class out of this range, by how hard it is, in the place of one for all; StopByClass
	// a stop for each class likewise
	Adaptive    Range `json:"adaptive,omitzero"`
	StopByClass bool  `json:"stop_by_class,omitempty"`
}

// Check names the first setting out of its range.
func (s SampleSettings) Check() error {
	if err := s.Settings.Check(); err != nil {
		return err
	}
	if err := s.checkChoice(); err != nil {
		return err
	}
	return s.Adaptive.check()
}

// Check names the first setting out of its range.
func (s ModeSettings) Check() error {
	switch {
	case s.IPC < 1:
		return fmt.Errorf("ipc is %d, want at least 1", s.IPC)
	case s.Shares < 0 || s.Shares > s.IPC:
		return fmt.Errorf("shares are %d modes, want 1 to %d, the images per class, or 0", s.Shares, s.IPC)
	case s.Method == OwnModes && (s.Shares != 0 || s.Features != "" || s.Nearest || s.Pool > 1):
		return fmt.Errorf("the modes are the latents themselves, want no shares, features, pool or nearest with them")
	case s.Pool < 0:
		return fmt.Errorf("pool is %d, want at least 0", s.Pool)
	case s.Method != OwnModes && !slices.Contains(ModeMethods, s.Method):
		return fmt.Errorf("the method to find modes is %q, want %s", s.Method, words.Or(ModeMethods))
	case !slices.Contains(ShortClasses, s.Short):
		return fmt.Errorf("the way with short classes is %q, want %s", s.Short, words.Or(ShortClasses))
	}
	return nil
}
