package evaluate

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"

	"mgd3/dataset"
	"mgd3/rng"
)

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
