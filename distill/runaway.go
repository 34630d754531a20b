package distill

import (
	"fmt"
	"math"

	"mgd3/stage"
)

// Runaways counts the latents of a set that ended where no latent of an image lies, see classModes.reach.
type Runaways struct {
	Images   int           // that ran away
	Of       int           // all images
	Farthest ManifestImage // from its mode
}

// String says how many ran away; "" if none did.
func (r Runaways) String() string {
	if r.Images == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d latents ended far from all images, %q at a distance of %.4g from its mode: the pull "+
		"or the classifier-free guidance is too strong for this denoiser", r.Images, r.Of, r.Farthest.File,
		r.Farthest.Distance.Own)
}

// add counts an image of a class in which latents may end so far from their modes.
func (r *Runaways) add(im ManifestImage, reach float64) {
	if r.Of++; im.Distance.Own <= reach {
		return
	}
	if r.Images++; r.Images == 1 || im.Distance.Own > r.Farthest.Distance.Own {
		r.Farthest = im
	}
}

// Runaways counts the images of a manifest of [Finish] that ran away. One that was read from a file counts none.
func (m *Manifest) Runaways() Runaways { return m.runaways }

// warnOfRunaways says how many latents of a finished run ran away. m may be nil.
func (r *Run) warnOfRunaways(m *Manifest) {
	if m == nil || r.Report == nil {
		return
	}
	if text := m.Runaways().String(); text != "" {
		r.Report(stage.Event{Stage: StageMerge, Warning: text})
	}
}

// reach is how far a latent of d = c·h·w numbers may end from its mode, in scaled units: four times the norm of the
// longest of the class's modes, or of a latent of unit variance where that is longer (4·√d = 64 for 4 × 8 × 8). It is
// our own rule. Of 100 unguided images of a weak model of such latents the farthest ended at 30; of a set of which half
// was blobs (docs/results.md, "On CIFAR-10"), that half ended at 77 to 18,000.
func (m *classModes) reach() float64 {
	most := float64(m.Centres.Cols)
	for i := range m.Centres.Rows {
		sum := 0.0
		for _, v := range m.Centres.Row(i) {
			sum += float64(v) * float64(v)
		}
		most = max(most, sum)
	}
	return 4 * math.Sqrt(most)
}
