package dataset

import (
	"bytes"
	"math"
	"testing"
)

// TestTensorRoundTrip: a byte comes back from its tensor, by way of a PNG file too.
func TestTensorRoundTrip(t *testing.T) {
	im := newRGB(16, 16)
	for i := range im.Pix {
		im.Pix[i] = uint8(i + i/256*85)
	}
	chw := make([]float32, 3*16*16)
	ToTensor(chw, im)
	wantImage(t, "from its tensor", FromTensor(chw, 16, 16), im)

	var file bytes.Buffer
	must(t, WritePNG(&file, im))
	back, err := Decode(file.Bytes())
	must(t, err)
	wantImage(t, "from its PNG file", back, im)
}

func TestToTensor(t *testing.T) {
	im := &RGB{W: 2, H: 1, Pix: []uint8{0, 255, 51, 128, 64, 1}}
	got := make([]float32, 6)
	ToTensor(got, im)
	// by channels; the last ulp is float32's, as torch computes x/255, then − 0.5, then / 0.5
	want := []float32{-1, 128./255*2 - 1, 1, 64./255*2 - 1, -0.6, 1./255*2 - 1}
	for i := range want {
		if d := math.Abs(float64(got[i] - want[i])); d > 0x1p-23 { // two roundings of numbers below 1, doubled
			t.Errorf("element %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func TestFromTensor(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		v    float32
		want uint8
	}{
		{-1, 0}, {1, 255}, {0, 128}, {-inf, 0}, {inf, 255}, {nan, 0}, {-1.5, 0}, {7, 255},
		{-0.998, 0}, {-0.996, 1}, {0.996, 254}, {0.9962, 255}, // halves lie at ±(1 − 1/255)
	} {
		if got := FromTensor([]float32{c.v, c.v, c.v}, 1, 1).Pix; got[0] != c.want || got[2] != c.want {
			t.Errorf("%v: %v, want %d", c.v, got, c.want)
		}
	}
}
