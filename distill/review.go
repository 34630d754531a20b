package distill

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Verdict is what somebody decided about an image.
type Verdict string

const (
	Keep    Verdict = "keep"
	Reject  Verdict = "reject"  // it is not in the reviewed set
	Replace Verdict = "replace" // another one is in its place
)

// Verdicts lists them.
var Verdicts = []Verdict{Keep, Reject, Replace}

// Reviewed says what a set was before somebody decided about its images. What was decided about those that are in it
// is with them.
type Reviewed struct {
	Manifest string          `json:"manifest_sha256"`  // of its file
	Before   json.RawMessage `json:"before,omitempty"` // its own "reviewed", where it was reviewed already
	Merged   json.RawMessage `json:"merged,omitempty"` // and its own "merged"
	Rejected []RejectedImage `json:"rejected"`         // in its order
	Sizes    string          `json:"masses,omitempty"` // what became of their real images, as in [MergedClass]
	Kept     int             `json:"kept"`             // images that somebody wants as they are
	Replaced int             `json:"replaced"`         // that others are in the place of
	Images   int             `json:"images_before"`    // images that it had
}

// RejectedImage is an image that is not in a reviewed set.
type RejectedImage struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
	Reason string `json:"reason,omitempty"`
}

// Review is what somebody decided about an image of a reviewed set.
//
//	OUT/images/CLASS/0003.png           the image
//	OUT/again/CLASS/0003.safetensors    of one that replaces another: its latent [c, h, w], under its key
type Review struct {
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason,omitempty"`
	Was     string  `json:"was_sha256,omitempty"` // of the image that it replaces
	Again   *Remade `json:"again,omitempty"`      // how it was made: all that [Run.Again] needs beside the run
}

// filesOf are the files of an image that was made again.
func filesOf(out, file string) (png, latent string) {
	name := strings.TrimSuffix(strings.TrimPrefix(file, "images/"), path.Ext(file))
	return filepath.Join(out, filepath.FromSlash(file)), filepath.Join(out, "again", filepath.FromSlash(name)+
		".safetensors")
}

// reviewFaults says what a reviewed set has otherwise than was decided, and holds each image that replaces another
// against its latent and its settings.
func (m *Manifest) reviewFaults(out string) (faults []string) {
	if m.Reviewed == nil {
		return nil
	}
	count := map[Verdict]int{}
	images := 0
	for _, class := range m.Classes {
		images += len(class.Images)
		for _, im := range class.Images {
			if im.Review == nil {
				continue
			}
			count[im.Review.Verdict]++
			switch how := im.Review.Again; {
			case !slices.Contains(Verdicts, im.Review.Verdict) || im.Review.Verdict == Reject:
				faults = append(faults, fmt.Sprintf("%s: %s has the verdict %q", manifestName, im.File,
					im.Review.Verdict))
			case (im.Review.Verdict == Replace) != (how != nil):
				faults = append(faults, fmt.Sprintf("%s: %s: its verdict is %q, and how it was made is there: %t",
					manifestName, im.File, im.Review.Verdict, how != nil))
			case how != nil:
				if _, err := im.Path(out); err != nil {
					continue // has been said
				}
				_, err := ReadRedrawn(out, m, class, im, *how)
				if errors.Is(err, os.ErrNotExist) {
					_, latent := filesOf("", im.File)
					err = fmt.Errorf("%s: missing", filepath.ToSlash(latent))
				}
				if err != nil {
					faults = append(faults, err.Error())
				}
			}
		}
	}
	faults = append(faults, m.slotFaults(out)...)
	r := m.Reviewed
	for _, c := range []struct {
		what       string
		have, want int
	}{{"images that are kept by decision", count[Keep], r.Kept}, {"images that replace others", count[Replace],
		r.Replaced}, {"images", images, r.Images - len(r.Rejected)}} {
		if c.have != c.want {
			faults = append(faults, fmt.Sprintf("%s: has %d %s, its review says %d", manifestName, c.have, c.what,
				c.want))
		}
	}
	return faults
}
