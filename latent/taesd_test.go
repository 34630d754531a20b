package latent

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"mgd3/dataset"
	"mgd3/internal/fixtures/golden"
)

// TestTinyGolden compares a TAESD with diffusers, and a trained one with PyTorch where it is beside the repository.
func TestTinyGolden(t *testing.T) {
	e := openEngine(t)
	for _, c := range golden.Some(t, "taesd") {
		t.Run(c.Name, func(t *testing.T) {
			a, err := Open(t.Context(), e, c.Path("weights.safetensors"))
			if err != nil {
				t.Fatal(err)
			}
			image, latent := c.Float32s(t, ioFile, "image"), c.Float32s(t, ioFile, "latent")
			encoded, decoded := make([]float32, len(latent)), make([]float32, len(image))
			size := c.Tensor(t, ioFile, "image").Shape[2]
			if err := errors.Join(a.EncodeMean(encoded, image, size), a.DecodeTo(decoded, latent, size)); err != nil {
				t.Fatal(err)
			}
			report := c.Report(t)
			report.Compare("encoded", encoded, c.Float32s(t, ioFile, "encoded"), c.Tolerance(t, "encoded"))
			report.Compare("decoded", decoded, c.Float32s(t, ioFile, "decoded"), c.Tolerance(t, "decoded"))
			if err := a.EncodeSample(encoded, image, encoded, size); !errors.Is(err, ErrNoPosterior) {
				t.Errorf("sampling: got %v, want %v", err, ErrNoPosterior)
			}
		})
	}
	dir := filepath.Join("..", "..", "shared", "models", "taef2")
	if _, err := os.Stat(dir); err == nil {
		t.Run("taef2", func(t *testing.T) { trainedTAESD(t, dir) })
	}
}

// crops returns n images of Imagenette's val part in the file path, [n, 3, 160, 160]: the i-th is the
// middle of the ⌊i/10⌋-th image, by file name, of class i mod 10.
func crops(t *testing.T, path string, n int) []float32 {
	set, err := dataset.Open(t.Context(), path, dataset.OpenOptions{Split: "val"})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	var refs []dataset.Ref
	for i := range n {
		refs = append(refs, set.Classes[i%len(set.Classes)].Images[i/len(set.Classes)])
	}
	all := make([]float32, 0, n*3*photoSize*photoSize)
	for sample := range set.Load(t.Context(), refs, dataset.LoadOptions{IgnoreEXIF: true,
		Then: func(im *dataset.RGB) *dataset.RGB {
			return dataset.CropCenter(im, photoSize)
		}}) {
		if sample.Err != nil {
			t.Fatal(sample.Err)
		}
		image := make([]float32, 3*photoSize*photoSize)
		dataset.ToTensor(image, sample.Image)
		all = append(all, image...)
	}
	return all
}

const photoSize = 160

// trainedTAESD looks at a trained taef2: its files as its repository has them, and a safetensors copy, are the same
// network.
func trainedTAESD(t *testing.T, dir string) {
	wantSame(t, openEngine(t), 32, map[string]string{
		"PyTorch":     filepath.Join(dir, "taef2_encoder.pth"),
		"safetensors": filepath.Join(dir, "taef2_encoder.safetensors"), "either": dir,
	})
	photographs := filepath.Join(dir, "..", "..", "data", "imagenette160-dev.zip")
	if _, err := os.Stat(photographs); err == nil {
		comparePhotographs(t, dir, photographs)
	}
}

// comparePhotographs compares what comes back of photographs through taef2 with what PyTorch 1.13 makes of the same
// pixels; the mean over 24 crops is 29.263 dB in both.
func comparePhotographs(t *testing.T, dir, photographs string) {
	want := []float64{28.7353, 32.0330, 26.7973, 29.8235}
	images := crops(t, photographs, len(want))
	a, err := Open(t.Context(), openEngine(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	if a.LatentChannels != 32 || a.Downsampling() != 8 || a.HasPosterior() {
		t.Errorf("got %+v, posterior %v, want 32 channels at 1/8 and none", a.Layout, a.HasPosterior())
	}
	back, latents := make([]float32, len(images)), make([]float32, len(want)*32*20*20)
	if err := errors.Join(a.EncodeMean(latents, images, photoSize), a.DecodeTo(back, latents, photoSize)); err != nil {
		t.Fatal(err)
	}
	n := len(images) / len(want)
	for i := range want {
		// The networks' sums differ by a few 1e-6 of their size, far below the 4 % of a level that 0.001 dB is at 27
		// dB.
		if got := psnr(images[i*n:(i+1)*n], back[i*n:(i+1)*n]); math.Abs(got-want[i]) > 0.001 {
			t.Errorf("crop %d: got %.4f dB, want %.4f", i, got, want[i])
		}
	}
	if err := a.EncodeSample(latents, images, latents, photoSize); !errors.Is(err, ErrNoPosterior) {
		t.Errorf("sampling: got %v, want %v", err, ErrNoPosterior)
	}
}

// psnr is the peak signal-to-noise ratio, in dB, of an image in [-1, 1] that is to be x; y is cut to that range first.
func psnr(x, y []float32) float64 {
	sum := 0.0
	for i := range x {
		d := float64(x[i]) - float64(min(1, max(-1, y[i])))
		sum += d * d
	}
	return 10 * math.Log10(4*float64(len(x))/sum)
}
