package bench

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
	"mgd3/evaluate"
	"mgd3/text"
	"mgd3/unet"
)

func open(t *testing.T) *engine.Engine {
	t.Helper()
	e, err := engine.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// TestGFLOP counts the operations of the networks in their graphs. A training step has each convolution
// three times, for its result and for two gradients, but for the first layer, whose images have none.
func TestGFLOP(t *testing.T) {
	e := open(t)
	den := func(p engine.Params, in []*Node) []*Node { return []*Node{denoiser.Forward(p, in[0], in[1], in[2])} }
	encode := func(p engine.Params, in []*Node) []*Node { return []*Node{autoencoder.Encode(p, in[0])} }
	decode := func(p engine.Params, in []*Node) []*Node { return []*Node{autoencoder.Decode(p, in[0])} }
	image := shaped(1, 3, 128, 128)
	for _, c := range []struct {
		name  string
		f     engine.Func
		in    []shapes.Shape
		train bool
		want  float64
	}{
		{"dit", den, []shapes.Shape{shaped(1, 4, 32, 32), shaped(1), shapes.Make(dtypes.Int32, 1)}, false, ditGFLOP},
		{"xl", xl.denoiser.Func, []shapes.Shape{shaped(1, 4, 32, 32), shaped(1), shapes.Make(dtypes.Int32, 1)}, false,
			xlGFLOP},
		{"toy", toy.denoiser.Func, []shapes.Shape{shaped(1, 4, 8, 8), shaped(1), shapes.Make(dtypes.Int32, 1)}, false,
			toyGFLOP},
		{"encode", encode, []shapes.Shape{shaped(1, 3, 256, 256)}, false, encodeGFLOP},
		{"decode", decode, []shapes.Shape{shaped(1, 4, 32, 32)}, false, decodeGFLOP},
		{"convnet6", evaluate.Logits(convnet6), []shapes.Shape{image}, true, convnet6GFLOP},
		{"resnetap10", evaluate.Logits(resnetAP10), []shapes.Shape{image}, true, resnetAP10GFLOP},
		{"resnet18", evaluate.Logits(resnet18), []shapes.Shape{image}, true, resnet18GFLOP},
	} {
		checkGFLOP(t, e, c.name, c.f, c.in, c.train, c.want)
	}
	for _, m := range []*textToImage{sd15, sd21, sdxl} {
		prompt := 0.0
		for _, c := range text.Published(m.name) {
			graph := func(p engine.Params, in []*Node) []*Node {
				hidden, pooled := c.Forward(p, in[0], text.Last)
				return []*Node{Add(ReduceAllSum(hidden), ReduceAllSum(pooled))}
			}
			prompt += countGFLOP(t, e, graph, []shapes.Shape{shapes.Make(dtypes.Int32, 1, text.Length)}, false)
		}
		nearGFLOP(t, m.name+" text", prompt, m.prompt)
		net := unet.Conditioned{Config: m.net(), Classes: 1, Tokens: 77}
		for pixels, want := range m.gflop {
			in := []shapes.Shape{shaped(1, 4, pixels/8, pixels/8), shaped(1), shapes.Make(unet.LabelType, 1)}
			checkGFLOP(t, e, fmt.Sprintf("%s at %d", m.name, pixels), net.Func, in, false, want)
		}
	}
	for _, l := range textLoads() {
		var pixels int
		if _, err := fmt.Sscanf(l.Name, "vae_decode_%d_b1", &pixels); err == nil {
			checkGFLOP(t, e, l.Name, decode, []shapes.Shape{shaped(1, 4, pixels/8, pixels/8)}, false, l.GFLOP)
		}
	}
}

func checkGFLOP(t *testing.T, e *engine.Engine, name string, f engine.Func, in []shapes.Shape, train bool,
	want float64) {
	t.Helper()
	nearGFLOP(t, name, countGFLOP(t, e, f, in, train), want)
}

func nearGFLOP(t *testing.T, name string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 0.001*want {
		t.Errorf("%s: the graph has %.4f GFLOP, the table %.4f", name, got, want)
	}
}

// countGFLOP counts the operations in a graph.
func countGFLOP(t *testing.T, e *engine.Engine, f engine.Func, in []shapes.Shape, train bool) (got float64) {
	t.Helper()
	_, err := e.Declare(func(p engine.Params, in []*Node) []*Node {
		out := f(p, in)
		total, first := operations(out[0])
		if got = total; train {
			got = 3*total - first
		}
		return out
	}, in...)
	if err != nil {
		t.Fatal(err)
	}
	return got / 1e9
}

// operations counts those of the products and convolutions that out depends on, and of the first
// convolution alone.
func operations(out *Node) (total, first float64) {
	seen := map[*Node]bool{}
	var visit func(n *Node)
	visit = func(n *Node) {
		if seen[n] {
			return
		}
		seen[n] = true
		for _, in := range n.Inputs() {
			visit(in)
		}
		size := func(n *Node) float64 { return float64(n.Shape().Size()) }
		switch in := n.Inputs(); n.Type() {
		case NodeTypeConvGeneral:
			flop := 2 * size(n) * size(in[1]) / float64(in[1].Shape().Dim(0))
			if first == 0 {
				first = flop
			}
			total += flop
		case NodeTypeFusedDense:
			total += 2 * size(n) * float64(in[0].Shape().Dim(-1))
		case NodeTypeFusedScaledDotProductAttention: // [B, N, heads, d]: two products of N·N·d
			total += 4 * size(n) * float64(in[0].Shape().Dim(1))
		// b products [M, K]·[K, N] have √(bMK·bKN/bMN/b) = K; attention's result is [B, heads, M, N]
		case NodeTypeDotGeneral:
			b := 1
			if n.Rank() == 4 {
				b = n.Shape().Dim(0) * n.Shape().Dim(1)
			}
			total += 2 * size(n) * math.Sqrt(size(in[0])*size(in[1])/size(n)/float64(b))
		}
	}
	visit(out)
	return total, first
}

// TestMeasure runs the quickest loads for their figures.
func TestMeasure(t *testing.T) {
	e := open(t)
	loads, err := Find([]string{"matmul_1024", "jpeg_500x375_to_256_b64"})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range loads {
		r, err := l.Measure(t.Context(), e, 2, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Load != l.Name || r.Batch != l.Batch || !(r.Seconds > 0) ||
			math.Abs(r.PerItem*float64(r.Batch)-r.Seconds) > 1e-4*r.Seconds || r.Backend != "go" {
			t.Errorf("%+v", r)
		}
		if (r.Speed > 0) != (l.GFLOP > 0) {
			t.Errorf("%s: %v GFLOP/s of %v GFLOP", l.Name, r.Speed, l.GFLOP)
		}
	}
}

func TestFind(t *testing.T) {
	if all, err := Find(nil); err != nil || len(all) != len(Loads()) {
		t.Errorf("got %d loads, %v, want all", len(all), err)
	}
	if _, err := Find([]string{"matmul_3"}); err == nil || !strings.Contains(err.Error(), "matmul_1024") {
		t.Errorf("got %v, want the names there are", err)
	}
}

func TestReadRefuses(t *testing.T) {
	for _, text := range []string{"load", `{"load": "a"}`, `{"per_item_s": 1}`, `[]`} {
		if r, err := Read(strings.NewReader("\n" + text)); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: got %v, %v, want an error with the line", text, r, err)
		}
	}
}

// TestLarge runs the toys among the large loads, in both precisions.
func TestLarge(t *testing.T) {
	e, err := engine.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	loads, err := Find([]string{"matmul_64_x8_toy", "dit_toy_50steps_b1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, e.Precision = range engine.Precisions {
		if r, err := loads[0].Measure(t.Context(), e, 2, 1, nil); err != nil || !(r.Speed > 0) ||
			r.Backend != e.Name() {
			t.Errorf("got %+v, %v", r, err)
		}
	}
	e.Precision = engine.Float32
	d, err := Differ(t.Context(), e, loads[1])
	if err != nil || len(d.Latent) != 1 || len(d.Pixel) != 1 {
		t.Fatalf("got %+v, %v, want numbers for one image", d, err)
	}
	for i := range d.Latent {
		if !(d.Latent[i] > 0 && d.Latent[i] >= d.RMS[i] && d.RMS[i] < d.Scale[i]) {
			t.Errorf("image %d: %+v, want a difference that is less than what differs", i, d)
		}
	}
	t.Logf("%+v", d)
	if e.Precision != engine.Float32 {
		t.Error("the engine was left in another precision")
	}
	if _, err := Differ(t.Context(), e, loads[0]); err == nil {
		t.Error("a product was compared as images")
	}
}
