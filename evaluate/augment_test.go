package evaluate

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/dataset"
	"mgd3/engine"
	"mgd3/internal/golden"
	"mgd3/rng"
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

func TestCropOfNoShape(t *testing.T) {
	a := Augment{Scale: [2]float64{0.5, 1}, Ratio: [2]float64{0.75, 4.0 / 3}}
	r := random{rng.Stream(1, "crop")}
	for _, test := range []struct {
		h, w int
		want Box
	}{
		{90, 900, Box{0, 390, 90, 120}}, // no part of half the area has a shape allowed
		{900, 90, Box{390, 0, 120, 90}},
		{1, 1, Box{0, 0, 1, 1}},
	} {
		if got := a.crop(test.h, test.w, r); got != test.want {
			t.Errorf("%d×%d: got %v, want %v", test.h, test.w, got, test.want)
		}
	}
	if got, want := (Augment{}).crop(20, 30, r), (Box{0, 0, 20, 30}); got != want {
		t.Errorf("without a crop: got %v, want %v", got, want)
	}
}

// TestGoldenCutMix compares mixed batches, and the loss of one, with the original programs.
func TestGoldenCutMix(t *testing.T) {
	for _, c := range golden.Cases(t, "augment") {
		report := c.Report(t)
		var settings struct {
			Mixes []struct {
				Output                 string
				Lam                    float64
				Row                    int `json:"centre_row"`
				Column                 int `json:"centre_col"`
				Permutation            []int
				Row0, Col0, Row1, Col1 int
				Kept                   float64 `json:"ratio_of_original"`
			} `json:"cutmix"`
			Loss struct {
				Uses string
				Loss float32
			} `json:"cutmix_loss"`
			Cuts []struct {
				Output string
				Ratio  float64
				Row    int `json:"offset_row"`
				Column int `json:"offset_col"`
				Size   [2]int
			} `json:"cutout"`
		}
		c.Decode(t, &settings)
		shape := [4]int(c.Tensor(t, augmentFile, "batch").Shape)
		for _, m := range settings.Mixes {
			box := cutBox(shape[2], shape[3], m.Lam, m.Row, m.Column)
			if want := (Box{m.Row0, m.Col0, m.Row1 - m.Row0, m.Col1 - m.Col0}); box != want {
				t.Errorf("%s: got %v, want %v", m.Output, box, want)
			}
			x := c.Float32s(t, augmentFile, "batch")
			mix := newMix(shape, m.Permutation, box)
			mix.apply(x, shape)
			report.Compare(m.Output, x, c.Float32s(t, augmentFile, m.Output), 0)
			if math.Abs(mix.Kept-m.Kept) > 0x1p-52 {
				t.Errorf("%s: keeps %v, want %v", m.Output, mix.Kept, m.Kept)
			}
			if m.Output == settings.Loss.Uses {
				report.Compare("loss", []float32{mixedLoss(t, c, mix)}, []float32{settings.Loss.Loss},
					c.Tolerance(t, "loss"))
			}
		}
		for _, cut := range settings.Cuts {
			x := c.Float32s(t, augmentFile, "batch")
			if got := [2]int{cutSide(shape[2], cut.Ratio), cutSide(shape[3], cut.Ratio)}; got != cut.Size {
				t.Errorf("%s: cuts out %v, want %v", cut.Output, got, cut.Size)
			}
			cutOut(x, shape, cut.Ratio, cut.Row, cut.Column)
			report.Compare(cut.Output, x, c.Float32s(t, augmentFile, cut.Output), 0)
		}
	}
}

// mixedLoss is the loss of the case's logits and of its labels, mixed.
func mixedLoss(t *testing.T, c golden.Case, m Mix) float32 {
	logits := c.Tensor(t, augmentFile, "cutmix_loss/logits")
	classes := logits.Shape[1]
	target := c.Int64s(t, augmentFile, "cutmix_loss/target")
	labels := make([]float32, len(target)*classes)
	for i, class := range target {
		labels[i*classes+int(class)] += float32(m.Kept)
		labels[i*classes+int(target[m.Permutation[i]])] += float32(1 - m.Kept)
	}
	out := run(t, func(_ engine.Params, in []*Node) []*Node {
		return []*Node{ReduceAllMean(CrossEntropy(in[0], in[1]))}
	}, nil, tensor(c.Float32s(t, augmentFile, "cutmix_loss/logits"), logits.Shape...), tensor(labels, logits.Shape...))
	return tensors.ToScalar[float32](out[0])
}

// gradient is an image of w×h pixels, each of its own colour.
func gradient(w, h int) *dataset.RGB {
	im := &dataset.RGB{W: w, H: h, Pix: make([]uint8, 3*w*h)}
	for i := range im.Pix {
		x, y := i/3%w, i/3/w
		im.Pix[i] = [3]uint8{uint8(255 * x / w), uint8(255 * y / h), uint8(7*x + 11*y)}[i%3]
	}
	return im
}

// hard and soft are what the protocols of these names do to images.
var (
	hard = Augment{
		Centre: true, Scale: [2]float64{0.5, 1}, Ratio: [2]float64{0.75, 4.0 / 3}, Flip: 0.5,
		Jitter: Jitter{0.4, 0.4, 0.4}, Lighting: 0.1,
		Mean: imagenetMean, Std: imagenetStd,
	}
	soft = Augment{
		Shuffle: 2, Scale: [2]float64{0.5, 1}, Ratio: [2]float64{0.75, 4.0 / 3}, Antialias: true, Flip: 0.5,
		Mean: imagenetMean, Std: imagenetStd, Margin: [2]int{7, 8},
	}
)

// TestApply: an image depends on its generator alone, whatever was made before it, and is in memory once.
func TestApply(t *testing.T) {
	for name, a := range map[string]Augment{"hard": hard, "soft": soft} {
		for _, size := range []int{32, 41, 64} {
			im := gradient(64, 64)
			want, got := make([]float32, 3*size*size), make([]float32, 3*size*size+1)
			a.Apply(want, im, size, rng.Stream(1, "image"))
			a.Apply(make([]float32, 3*96*96), gradient(96, 80), 96, rng.Stream(2, "another"))
			got[3*size*size] = 77
			a.Apply(got, im, size, rng.Stream(1, "image"))
			if !slices.Equal(got[:3*size*size], want) || got[3*size*size] != 77 {
				t.Errorf("%s, %d pixels: equal generators give unequal images, or one too long", name, size)
			}
			a.Apply(got, im, size, rng.Stream(3, "image"))
			if slices.Equal(got[:3*size*size], want) {
				t.Errorf("%s, %d pixels: unequal generators give equal images", name, size)
			}
		}
	}
}

// TestNothing: where nothing is asked for, the image stays.
func TestNothing(t *testing.T) {
	im := gradient(20, 20)
	none := Augment{Std: [3]float64{1, 1, 1}}
	applied, tested := make([]float32, 3*20*20), make([]float32, 3*20*20)
	none.Apply(applied, im, 20, rng.Stream(1, "image"))
	none.Test(tested, im, 20)
	for i, v := range im.Pix {
		at := i%3*400 + i/3
		if want := float32(v) / 255; applied[at] != want || tested[at] != want {
			t.Fatalf("element %d is %v in training and %v in testing, want %v", at, applied[at], tested[at], want)
		}
	}
}

// TestTest holds test images of all shapes against dataset's crop, which has its own goldens.
func TestTest(t *testing.T) {
	for _, margin := range [][2]int{{}, {7, 8}} {
		for _, shape := range [][2]int{{28, 28}, {50, 31}, {31, 50}, {32, 32}} {
			a := Augment{Mean: imagenetMean, Std: imagenetStd, Margin: margin}
			im, got := gradient(shape[0], shape[1]), make([]float32, 3*28*28)
			a.Test(got, im, 28)
			short := 28
			if margin[0] > 0 {
				short = 32
			}
			crop := dataset.CropCenterOf(im, short, 28)
			for i, v := range crop.Pix {
				c, at := i%3, i%3*28*28+i/3
				want := (float64(v)/255 - imagenetMean[c]) / imagenetStd[c]
				// Three roundings, of what is at most 1/0.224 < 4.5, and two of at most 2.7.
				if math.Abs(float64(got[at])-want) > 19*0x1p-24 {
					t.Fatalf("%v, margin %v: element %d is %v, want %v", shape, margin, at, got[at], want)
				}
			}
		}
	}
}

// TestShuffled: the strips stay whole, all orders come, and what fills no strip is left out.
func TestShuffled(t *testing.T) {
	r, orders := rng.Stream(1, "shuffle"), map[string]int{}
	for range 600 {
		got := shuffled(nil, 10, 3, r)
		if len(got) != 9 {
			t.Fatalf("got %v, want three strips of three", got)
		}
		for i := 0; i < 9; i += 3 {
			if got[i]%3 != 0 || got[i+1] != got[i]+1 || got[i+2] != got[i]+2 {
				t.Fatalf("got %v, want strips that are whole", got)
			}
		}
		orders[fmt.Sprint(got)]++
	}
	for order, n := range orders {
		if len(orders) != 6 || n < 60 || n > 140 { // 100 ± 9 expected
			t.Errorf("order %s of %d came %d times of 600", order, len(orders), n)
		}
	}
	for _, f := range []int{0, 1} {
		if got := shuffled(nil, 4, f, r); !slices.Equal(got, []int{0, 1, 2, 3}) {
			t.Errorf("%d strips: got %v", f, got)
		}
	}
	if got := shuffled(nil, 1, 2, r); !slices.Equal(got, []int{0}) {
		t.Errorf("one pixel in two: got %v", got)
	}
}

// TestJitter: every order comes as often, and amounts fill their range.
func TestJitter(t *testing.T) {
	r, most := rng.Stream(1, "jitter"), 0.0
	for range 1000 {
		c := Jitter{Brightness: 0.4}.draw([3]float64{}, r)
		a := 1 - c.m[0][0]
		if math.Abs(a) > 0.4 || c.m[0][0] != c.m[1][1] || c.m[0][1] != 0 {
			t.Fatalf("brightness alone gives %v", c)
		}
		most = max(most, math.Abs(a))
	}
	if most < 0.39 {
		t.Errorf("of 1000 the largest change is %v, want nearly 0.4", most)
	}
}

func TestJSON(t *testing.T) {
	for _, a := range []Augment{hard, soft} {
		text, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if got := decode[Augment](t, text); got != a {
			t.Errorf("%s comes back as %+v", text, got)
		}
	}
}

// TestCutMix: pixels come from their own place in the batch or in the other image, and as many stay as it says.
func TestCutMix(t *testing.T) {
	shape := [4]int{5, 2, 6, 8}
	for seed := range uint64(50) {
		x := make([]float32, 5*2*6*8)
		for i := range x {
			x[i] = float32(i)
		}
		m := CutMix(x, shape, rng.Stream(seed, "mix"))
		kept := 0
		for i, v := range x {
			image, place := i/96, i%96
			switch int(v) {
			case i:
				kept++
			case m.Permutation[image]*96 + place:
			default:
				t.Fatalf("element %d is %v, want it from image %d or %d", i, v, image, m.Permutation[image])
			}
		}
		same := 0 // images that were mixed with themselves
		for i, other := range m.Permutation {
			if i == other {
				same++
			}
		}
		if want := float64(5-same)*m.Kept + float64(same); math.Abs(float64(kept)/96-want) > 1e-9 {
			t.Errorf("seed %d: %d pixels stay, want %v images", seed, kept, want)
		}
	}
}

func TestCutOut(t *testing.T) {
	shape, fewest := [4]int{2, 1, 9, 9}, 81
	for seed := range uint64(200) {
		x := slices.Repeat([]float32{1}, 2*81)
		CutOut(x, shape, 0.5, rng.Stream(seed, "cut"))
		black := 0
		for _, v := range x[:81] {
			if v == 0 {
				black++
			}
		}
		if !slices.Equal(x[:81], x[81:]) || black == 0 || black > 25 {
			t.Fatalf("%d pixels of 81 are black, or not the same in all images; want at most 5×5", black)
		}
		fewest = min(fewest, black)
	}
	if fewest > 12 {
		t.Errorf("the smallest part has %d pixels, want it at a corner", fewest)
	}
}

func BenchmarkAugment(b *testing.B) {
	for name, a := range map[string]Augment{"hard": hard, "soft": soft} {
		for _, size := range []int{32, 224} {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				im, dst, r := gradient(size, size), make([]float32, 3*size*size), rng.Stream(1, "image")
				b.ReportAllocs()
				for b.Loop() {
					a.Apply(dst, im, size, r)
				}
			})
		}
	}
}
