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

// ModeSettings say how the latents of a class become modes (MGD3 section 4.1 and Table 7).
type ModeSettings struct {
	IPC     int          `json:"ipc"`     // images per class, and so modes
	Method  modes.Method `json:"method"`  // k-means is published
	Nearest bool         `json:"nearest"` // the real latent nearest to each centre in its place
	Pool    int          `json:"pool"`    // cluster latents averaged over pool × pool cells; 0 or 1 means as they are
	Short   modes.Short  `json:"short"`   // what becomes of a class with fewer images than modes
	Seed    uint64       `json:"seed"`    // the released programs keep it at 0 whatever the run's seed
}

// SampleSettings say how modes become images.
type SampleSettings struct {
	diffusion.Settings
	Seed uint64 `json:"seed"` // of the noise
}

// Check names the first setting out of its range.
func (s ModeSettings) Check() error {
	switch {
	case s.IPC < 1:
		return fmt.Errorf("ipc is %d, want at least 1", s.IPC)
	case s.Pool < 0:
		return fmt.Errorf("pool is %d, want at least 0", s.Pool)
	case !slices.Contains(ModeMethods, s.Method):
		return fmt.Errorf("the method to find modes is %q, want %s", s.Method, words.Or(ModeMethods))
	case !slices.Contains(ShortClasses, s.Short):
		return fmt.Errorf("the way with short classes is %q, want %s", s.Short, words.Or(ShortClasses))
	}
	return nil
}
