package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"testing"

	"mgd3/internal/fixtures/golden"
)

// preprocess is what case.json says of a preprocess case.
type preprocess struct {
	Images []struct {
		Name, File string
		RGB        string `json:"rgb_sha256"`
		Outputs    []struct {
			Size             int
			Torchvision, ADM *struct{ File, SHA256 string }
		}
	}
	Resample []struct {
		Tensor, Filter string
		Width, Height  int
	}
	JPEG []struct{ File, Decoded string }
}

var filters = map[string]Filter{"box": Box, "bilinear": Bilinear, "bicubic": Bicubic, "lanczos": Lanczos}

func TestPreprocess(t *testing.T) {
	for _, c := range golden.Cases(t, "preprocess") {
		var p preprocess
		c.Decode(t, &p)
		for _, im := range p.Images {
			t.Run(im.Name, func(t *testing.T) {
				in := decodeFile(t, c.Path(im.File))
				wantHash(t, "decoded", in, im.RGB)
				for _, out := range im.Outputs {
					if out.ADM != nil {
						wantFile(t, c, out.ADM.File, CropADM(in, out.Size), out.ADM.SHA256)
					}
					if out.Torchvision != nil {
						wantFile(t, c, out.Torchvision.File, CropCenter(in, out.Size), out.Torchvision.SHA256)
					}
				}
			})
		}
		t.Run("resample", func(t *testing.T) {
			in := tensorImage(t, c, "resample/input")
			for _, r := range p.Resample {
				f, known := filters[r.Filter]
				if !known {
					t.Errorf("%s: unknown filter %q", r.Tensor, r.Filter)
					continue
				}
				wantImage(t, r.Tensor, Resize(in, r.Width, r.Height, f), tensorImage(t, c, r.Tensor))
			}
		})
		t.Run("save_image", func(t *testing.T) { saveImage(t, c) })
		boundMost, boundMean := c.Tolerance(t, "jpeg_most_levels"), c.Tolerance(t, "jpeg_mean_levels")
		for _, j := range p.JPEG {
			t.Run(j.File, func(t *testing.T) {
				most, mean := difference(t, decodeFile(t, c.Path(j.File)), decodeFile(t, c.Path(j.Decoded)))
				t.Logf("difference from libjpeg: at most %d of %g, mean %.3f of %.3f", most, boundMost, mean, boundMean)
				if float64(most) > boundMost || mean > boundMean {
					t.Error("too far from libjpeg")
				}
			})
		}
	}
}

// saveImage compares FromTensor with the bytes that torchvision's save_image made.
func saveImage(t *testing.T, c golden.Case) {
	in, out := c.Tensor(t, tensorFile, "save_image/input"), c.Tensor(t, tensorFile, "save_image/output_hwc")
	values, err := in.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	if len(in.Shape) != 4 || in.Shape[1] != 3 || len(out.Bytes()) != len(values) {
		t.Fatalf("save_image: shapes %v and %v, want [n, 3, h, w] and [n, h, w, 3]", in.Shape, out.Shape)
	}
	h, w := in.Shape[2], in.Shape[3]
	for i := range in.Shape[0] {
		n := 3 * h * w
		want := &RGB{W: w, H: h, Pix: out.Bytes()[i*n : (i+1)*n]}
		wantImage(t, fmt.Sprintf("save_image %d", i), FromTensor(values[i*n:(i+1)*n], w, h), want)
	}
}

const tensorFile = "tensors.safetensors"

// tensorImage returns a tensor [h, w, 3] of bytes.
func tensorImage(t *testing.T, c golden.Case, name string) *RGB {
	t.Helper()
	tensor := c.Tensor(t, tensorFile, name)
	if len(tensor.Shape) != 3 || tensor.Shape[2] != 3 || tensor.DType != "U8" {
		t.Fatalf("%s: %s %v, want U8 [h, w, 3]", name, tensor.DType, tensor.Shape)
	}
	return &RGB{W: tensor.Shape[1], H: tensor.Shape[0], Pix: tensor.Bytes()}
}

func decodeFile(t *testing.T, path string) *RGB {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	im, err := Decode(data)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return im
}

// wantHash compares the SHA-256 of the pixels.
func wantHash(t *testing.T, name string, im *RGB, want string) {
	t.Helper()
	sum := sha256.Sum256(im.Pix)
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("%s: pixels of %d × %d have SHA-256 %s, want %s", name, im.W, im.H, got, want)
	}
}

// wantFile compares with a picture of the case, whose pixels have that SHA-256.
func wantFile(t *testing.T, c golden.Case, file string, im *RGB, sha string) {
	t.Helper()
	wantHash(t, file, im, sha)
	wantImage(t, file, im, decodeFile(t, c.Path(file)))
}

// wantImage compares pixel by pixel.
func wantImage(t *testing.T, name string, got, want *RGB) {
	t.Helper()
	if most, mean := difference(t, got, want); most != 0 {
		t.Errorf("%s: differs by up to %d levels, mean %.3f", name, most, mean)
	}
}

// difference returns the largest and the mean difference of two images of one size.
func difference(t *testing.T, a, b *RGB) (most int, mean float64) {
	t.Helper()
	if a.W != b.W || a.H != b.H || len(a.Pix) != len(b.Pix) || len(a.Pix) == 0 {
		t.Fatalf("%d × %d pixels in %d bytes, want %d × %d in %d", a.W, a.H, len(a.Pix), b.W, b.H, len(b.Pix))
	}
	sum := 0
	for i, p := range a.Pix {
		d := max(p, b.Pix[i]) - min(p, b.Pix[i])
		most = max(most, int(d))
		sum += int(d)
	}
	return most, float64(sum) / float64(len(a.Pix))
}
