package encode

import (
	"fmt"
	"slices"

	"mgd3/dataset"
	"mgd3/internal/words"
)

// Settings say which images become which latents (MGD3 section 4.1; the released feature extraction).
type Settings struct {
	Split      string `json:"split"`       // sub-folder of the set, "train" say; "" if it has none
	Limit      int    `json:"limit"`       // take the first images of each class by file name; 0 means all
	Size       int    `json:"size"`        // pixels of a side after the crop
	Crop       string `json:"crop"`        // one of Crops
	Flip       bool   `json:"flip"`        // mirror every other image by chance, as the released programs do
	IgnoreEXIF bool   `json:"ignore_exif"` // keep the stored orientation, as the released programs do
	// a sample of the posterior in place of its mean, as the Stable Diffusion program does
	FromSample bool   `json:"from_sample"`
	Seed       uint64 `json:"seed"`     // of flips and samples
	SkipBad    bool   `json:"skip_bad"` // pass over images that cannot be read
}

// The crops of Settings: the DiT programs', and torchvision's Resize and CenterCrop.
const (
	CropADM    = "adm"
	CropCenter = "center"
)

// Crops are what Settings.Crop may be.
var Crops = []string{CropADM, CropCenter}

// Check names the first setting out of its range.
func (s Settings) Check() error {
	switch {
	case s.Limit < 0:
		return fmt.Errorf("limit is %d, want at least 0", s.Limit)
	case s.Size < 1:
		return fmt.Errorf("size is %d pixels, want at least 1", s.Size)
	case !slices.Contains(Crops, s.Crop):
		return fmt.Errorf("crop is %q, want %s", s.Crop, words.Or(Crops))
	}
	return nil
}

// HasChance reports whether encoding leaves anything to chance, so that the seed decides bytes.
func (s Settings) HasChance() bool { return s.Flip || s.FromSample }

// LoadOptions is how images are read: turned upright and cropped.
func (s Settings) LoadOptions() dataset.LoadOptions {
	crop := dataset.CropCenter
	if s.Crop == CropADM {
		crop = dataset.CropADM
	}
	return dataset.LoadOptions{IgnoreEXIF: s.IgnoreEXIF,
		Then: func(im *dataset.RGB) *dataset.RGB { return crop(im, s.Size) }}
}
