package cpu

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// TestConvProduct: convolutions that become matrix products, with the deep kernels of text-to-image models, are as in
// plain Go. The inputs are quarters up to 7 and the sums exact: 9·1024·49·16 < 2²⁴.
func TestConvProduct(t *testing.T) {
	axes := channelsLast
	axes.KernelOutputChannels, axes.KernelInputChannels, axes.KernelSpatial = 0, 1, []int{2, 3}
	for _, c := range []struct {
		side, size, stride int
		pads               [][2]int
	}{
		{4, 3, 1, [][2]int{{1, 1}, {1, 1}}}, {5, 3, 2, [][2]int{{1, 1}, {0, 1}}}, {3, 1, 1, nil},
	} {
		in := []input{{dtype: dtypes.Float32, dims: []int{2, c.side, c.side, 1024}},
			{dtype: dtypes.Float32, dims: []int{1024, 1024, c.size, c.size}}}
		f := func(f compute.Function, p []compute.Value) (compute.Value, error) {
			return f.ConvGeneral(p[0], p[1], axes, []int{c.stride, c.stride}, c.pads, nil, nil, 1, 1)
		}
		r := rand.New(rand.NewPCG(1, 2))
		flats := []any{in[0].flat(r), in[1].flat(r)}
		want, got := onBoth(t, in, flats, f)
		if !slices.Equal(got, want) {
			t.Errorf("%+v: differs from plain Go", c)
		}
	}
}
