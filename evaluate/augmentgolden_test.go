package evaluate

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"mgd3/internal/fixtures/golden"
)

const augmentFile = "augment.safetensors"

// operation is one of image_ops.
type operation struct {
	Op, Output string
	Parameters struct {
		cropOf
		Alpha     json.RawMessage // a number, or three
		Order     []string
		Alphas    []float64 `json:"alphas_in_that_order"`
		Mean, Std [3]float64

		Crop           cropOf
		Flip           bool
		JitterOrder    []string   `json:"jitter_order"`
		JitterAlphas   []float64  `json:"jitter_alphas_in_that_order"`
		LightingAlphas [3]float64 `json:"lighting_alpha"`
	}
}

type cropOf struct {
	Box
	Size      int
	Antialias bool
}

func (c cropOf) of(im planes) planes {
	part := planes{}
	part.size(c.Width, c.Height)
	for ch := range 3 {
		for y := range c.Height {
			copy(part.pix[(ch*c.Height+y)*c.Width:][:c.Width], im.pix[(ch*im.h+c.Top+y)*im.w+c.Left:])
		}
	}
	out := planes{}
	out.size(c.Size, c.Size)
	new(resizer).resize(out, part, c.Antialias)
	return out
}

// TestGoldenAugment compares every operation with the original programs.
func TestGoldenAugment(t *testing.T) {
	for _, c := range golden.Cases(t, "augment") {
		report := c.Report(t)
		colours, crops, chain := c.Tolerance(t, "colour_and_lighting_max_abs"), c.Tolerance(t, "resized_crop_max_abs"),
			c.Tolerance(t, "train_chain_max_abs")
		var settings struct {
			Ops []operation `json:"image_ops"`
		}
		c.Decode(t, &settings)
		stored := c.Tensor(t, augmentFile, "image")
		for _, op := range settings.Ops {
			im, p := planes{stored.Shape[2], stored.Shape[1], c.Float32s(t, augmentFile, "image")}, op.Parameters
			means, change, tol := im.means(), unchanged, colours
			jitter := func(kinds []string, alphas []float64) {
				for i, kind := range kinds {
					switch a := alphas[i]; kind {
					case "brightness":
						change.brighten(a)
					case "contrast":
						change.contrast(a, means)
					case "saturation":
						change.saturate(a)
					default:
						t.Fatalf("jitter %q is not known", kind)
					}
				}
			}
			switch op.Op {
			case "brightness", "contrast", "saturation":
				jitter([]string{op.Op}, []float64{decode[float64](t, p.Alpha)})
			case "color_jitter":
				jitter(p.Order, p.Alphas)
			case "lighting":
				change.light(decode[[3]float64](t, p.Alpha))
			case "hflip":
				im.flip()
			case "normalize":
				change.normalise(p.Mean, p.Std)
			case "resized_crop":
				im, tol = p.of(im), crops
			case "train_chain":
				im, tol = p.Crop.of(im), chain
				means = im.means()
				if p.Flip {
					im.flip()
				}
				jitter(p.JitterOrder, p.JitterAlphas)
				change.light(p.LightingAlphas)
				change.normalise(imagenetMean, imagenetStd)
			default:
				t.Fatalf("operation %q is not known", op.Op)
			}
			change.apply(im)
			report.Compare(op.Output, im.pix, c.Float32s(t, augmentFile, op.Output), tol)
		}
	}
}

var (
	imagenetMean = [3]float64{0.485, 0.456, 0.406}
	imagenetStd  = [3]float64{0.229, 0.224, 0.225}
)

func decode[T any](t *testing.T, text json.RawMessage) (v T) {
	t.Helper()
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// replay hands out draws that were written down, and holds what is asked for against them.
type replay struct {
	t     *testing.T
	draws []draw
}

type draw struct {
	Draw           string
	Low, High      float64
	High_Exclusive int
	Value          float64
}

func (r *replay) next(kind string) draw {
	if len(r.draws) == 0 || r.draws[0].Draw != kind {
		r.t.Fatalf("asked for draw %s, have %v", kind, r.draws)
	}
	d := r.draws[0]
	r.draws = r.draws[1:]
	return d
}

func (r *replay) uniform(lo, hi float32) float32 {
	d := r.next("uniform")
	if !adjacent(float32(d.Low), lo) || !adjacent(float32(d.High), hi) {
		r.t.Errorf("asked for a number in %v to %v, want %v to %v", lo, hi, d.Low, d.High)
	}
	return float32(d.Value)
}

// adjacent reports whether a is b or next to it: PyTorch's logarithm of float32, which gives the
// bounds, is off by as much in some of its versions.
func adjacent(a, b float32) bool {
	return a == b || a == math.Nextafter32(b, a)
}

func (r *replay) intN(n int) int {
	d := r.next("integer")
	if d.High_Exclusive != n {
		r.t.Errorf("asked for a number below %d, want %d", n, d.High_Exclusive)
	}
	return int(d.Value)
}

// TestGoldenCrop: from the same draws come the same parts.
func TestGoldenCrop(t *testing.T) {
	for _, c := range golden.Cases(t, "augment") {
		var settings struct {
			Cases []struct {
				Height int        `json:"image_height"`
				Width  int        `json:"image_width"`
				Scale  [2]float64 `json:"scale"`
				Ratio  [2]float64 `json:"ratio"`
				Draws  []draw     `json:"draws_in_order"`
				Result Box
			} `json:"random_resized_crop_parameters"`
		}
		c.Decode(t, &settings)
		for i, test := range settings.Cases {
			t.Run(fmt.Sprintf("%d, %dx%d", i, test.Height, test.Width), func(t *testing.T) {
				r := &replay{t, test.Draws}
				got := Augment{Scale: test.Scale, Ratio: test.Ratio}.crop(test.Height, test.Width, r)
				if got != test.Result || len(r.draws) > 0 {
					t.Errorf("got %v with %d draws left, want %v with none", got, len(r.draws), test.Result)
				}
			})
		}
	}
}
