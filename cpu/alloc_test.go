package cpu_test

import (
	"runtime"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/compute/support/testutil"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/nn"

	"mgd3/cpu"
)

// TestAllocations wants a run to allocate no more for a large graph of large tensors than for a small one.
func TestAllocations(t *testing.T) {
	if cpu.RaceDetector {
		t.Skip("pools forget at random when races are looked for")
	}
	for _, config := range []string{"threads=1", "threads=3"} {
		t.Run(config, func(t *testing.T) {
			small, smallBytes := allocations(t, config, 1, 4)
			large, largeBytes := allocations(t, config, 12, 40)
			t.Logf("one layer: %.1f allocations, %.0f bytes; twelve ten times as wide: %.1f, %.0f", small, smallBytes,
				large, largeBytes)
			// The lists of inputs, outputs, arguments and caches, and a buffer with its shape for each of two outputs.
			if most := 16.; small > most || large > most {
				t.Errorf("%.1f and %.1f allocations, want at most %g", small, large, most)
			}
			// Twice eleven more layers have four inputs each, which the lists of inputs have a few words for.
			if most := smallBytes + 11*4*100; largeBytes > most {
				t.Errorf("%.0f bytes and %.0f, want at most %.0f", smallBytes, largeBytes, most)
			}
		})
	}
}

// allocations are those of one run of a network of products, convolutions, norms, attention and loops with its
// gradient, and their bytes. Its outputs are a scalar and a gradient, whose memory comes from the pool.
func allocations(t *testing.T, config string, layers, width int) (count, bytes float64) {
	backend := testutil.Must1(cpu.New(config))
	defer backend.Finalize()
	g := NewGraph(backend, "allocations")
	var in []compute.Buffer
	input := func(dims ...int) *Node {
		shape := shapes.Make(dtypes.Float32, dims...)
		data := make([]float32, shape.Size())
		for i := range data {
			data[i] = float32(i%13-6) / 20
		}
		in = append(in, testutil.Must1(backend.BufferFromFlatData(0, data, shape)))
		return Parameter(g, string(rune('a'+len(in))), shape)
	}
	first := input(2, 6, 6, width)
	x := first
	for range layers {
		x = Add(x, Sigmoid(Convolve(x, input(3, 3, width, width)).PadSame().Done()))
		tokens := nn.LayerNorm(Reshape(x, 2, 36, width), []int{-1}, 1e-5, nil, nil, nil)
		q := Reshape(nn.Dense(tokens, input(width, width), input(width), compute.DenseLayoutOutputsInput), 2, 36, 2,
			width/2)
		a, _ := BackendFusedScaledDotProductAttention(q, q, q, compute.AttentionAxesLayoutBSHD,
			&compute.ScaledDotProductAttentionConfig{Scale: 0.5})
		x = Add(x, Reshape(Softmax(a, -1), 2, 6, 6, width))
	}
	loss := ReduceAllMean(Square(x))
	testutil.Must(g.Compile(loss, Gradient(loss, first)[0]))
	run := func() {
		for _, o := range testutil.Must1(g.Executable().Execute(in, nil, 0)) {
			testutil.Must(o.Finalize())
		}
	}
	for range 3 {
		run()
	}
	count = testing.AllocsPerRun(20, run)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 20 {
		run()
	}
	runtime.ReadMemStats(&after)
	return count, float64(after.TotalAlloc-before.TotalAlloc) / 20
}
