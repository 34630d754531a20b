package evaluate

import (
	"fmt"
	"math"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
	"mgd3/rng"
	"mgd3/weights"
)

// The networks of which there is no golden case are held against torchvision's definitions, written out as loops
// over float64: the logits, and the gradients by differences of the loss.

// reference is an image inside a network, [channel][row][column], with the weights by torchvision's names.
type reference struct {
	w map[string][]float64
	x [][][]float64
}

func blank(c, h, w int) [][][]float64 {
	x := make([][][]float64, c)
	for i := range x {
		x[i] = make([][]float64, h)
		for j := range x[i] {
			x[i][j] = make([]float64, w)
		}
	}
	return x
}

// window makes an image of n channels whose pixel is f of where the k×k pixels under it begin.
func (r *reference) window(n, k, stride, pad int, f func(c, top, left int) float64) {
	h, w := len(r.x[0]), len(r.x[0][0])
	out := blank(n, (h+2*pad-k)/stride+1, (w+2*pad-k)/stride+1)
	for c := range out {
		for y := range out[c] {
			for x := range out[c][y] {
				out[c][y][x] = f(c, y*stride-pad, x*stride-pad)
			}
		}
	}
	r.x = out
}

// conv leaves out the pixels beside the image.
func (r *reference) conv(name string, k, stride, pad int) {
	weight, bias := r.w[name+".weight"], r.w[name+".bias"]
	in, h, w := r.x, len(r.x[0]), len(r.x[0][0])
	r.window(len(bias), k, stride, pad, func(c, top, left int) float64 {
		sum := bias[c]
		for ch := range in {
			for i := max(0, -top); i < min(k, h-top); i++ {
				at := ((c*len(in)+ch)*k + i) * k
				for j := max(0, -left); j < min(k, w-left); j++ {
					sum += in[ch][top+i][left+j] * weight[at+j]
				}
			}
		}
		return sum
	})
}

func (r *reference) maxPool(k, stride int) {
	in := r.x
	r.window(len(in), k, stride, 0, func(c, top, left int) float64 {
		most := math.Inf(-1)
		for i := range k {
			for j := range k {
				most = max(most, in[c][top+i][left+j])
			}
		}
		return most
	})
}

func (r *reference) adaptivePool(n int) {
	h, w := len(r.x[0]), len(r.x[0][0])
	out := blank(len(r.x), n, n)
	cut := func(i, m int) (int, int) {
		return int(math.Floor(float64(i*m) / float64(n))), int(math.Ceil(float64((i+1)*m) / float64(n)))
	}
	for c := range out {
		for y := range n {
			for x := range n {
				top, bottom := cut(y, h)
				left, right := cut(x, w)
				for i := top; i < bottom; i++ {
					for j := left; j < right; j++ {
						out[c][y][x] += r.x[c][i][j] / float64((bottom-top)*(right-left))
					}
				}
			}
		}
	}
	r.x = out
}

// each changes every number.
func (r *reference) each(f func(c int, v float64) float64) {
	for c := range r.x {
		for y := range r.x[c] {
			for x, v := range r.x[c][y] {
				r.x[c][y][x] = f(c, v)
			}
		}
	}
}

func (r *reference) relu() { r.each(func(_ int, v float64) float64 { return max(0, v) }) }

func (r *reference) batchNorm(name string) {
	at := func(kind string, c int) float64 { return r.w[name+"."+kind][c] }
	r.each(func(c int, v float64) float64 {
		return (v-at("running_mean", c))/math.Sqrt(at("running_var", c)+1e-5)*at("weight", c) + at("bias", c)
	})
}

// linear is of all numbers in the order channel, row, column.
func (r *reference) linear(name string) {
	var x []float64
	for _, rows := range r.x {
		for _, row := range rows {
			x = append(x, row...)
		}
	}
	weight, bias := r.w[name+".weight"], r.w[name+".bias"]
	out := blank(len(bias), 1, 1)
	for o := range out {
		out[o][0][0] = bias[o]
		for i, v := range x {
			out[o][0][0] += weight[o*len(x)+i] * v
		}
	}
	r.x = out
}

// alexNet and vgg11bn are torchvision's lists of layers.
func (r *reference) alexNet() {
	r.conv("features.0", 11, 4, 2)
	r.relu()
	r.maxPool(3, 2)
	r.conv("features.3", 5, 1, 2)
	r.relu()
	r.maxPool(3, 2)
	for _, name := range []string{"features.6", "features.8", "features.10"} {
		r.conv(name, 3, 1, 1)
		r.relu()
	}
	r.maxPool(3, 2)
	r.adaptivePool(6)
	r.linear("classifier.1")
	r.relu()
	r.linear("classifier.4")
	r.relu()
	r.linear("classifier.6")
}

func (r *reference) vgg11bn() {
	for i, kind := range strings.Split("conv norm relu pool conv norm relu pool conv norm relu conv norm relu pool "+
		"conv norm relu conv norm relu pool conv norm relu conv norm relu pool", " ") {
		name := fmt.Sprint("features.", i)
		switch kind {
		case "conv":
			r.conv(name, 3, 1, 1)
		case "norm":
			r.batchNorm(name)
		case "relu":
			r.relu()
		case "pool":
			r.maxPool(2, 2)
		}
	}
	r.adaptivePool(7)
	r.linear("classifier.0")
	r.relu()
	r.linear("classifier.3")
	r.relu()
	r.linear("classifier.6")
}

// logits runs the layers on an image [3, size, size].
func (r *reference) logits(layers func(*reference), image []float32, size int) []float64 {
	r.x = blank(3, size, size)
	for i, v := range image {
		r.x[i/size/size][i/size%size][i%size] = float64(v)
	}
	layers(r)
	out := make([]float64, len(r.x))
	for i := range out {
		out[i] = r.x[i][0][0]
	}
	return out
}

func loss64(logits []float64, label int) float64 {
	sum := 0.0
	for _, z := range logits {
		sum += math.Exp(z)
	}
	return math.Log(sum) - logits[label]
}

func TestReference(t *testing.T) {
	e := openEngine(t)
	const label = 1
	for _, test := range []struct {
		name   string
		net    Net
		layers func(*reference)
		size   int
	}{
		{"alexnet, one pixel becomes 6×6", AlexNet{2, 3}, (*reference).alexNet, 64},
		{"alexnet, 4×4 become 6×6", AlexNet{1, 3}, (*reference).alexNet, 160},
		{"vgg11_bn, one pixel becomes 7×7", VGG11{2, 3, Batch}, (*reference).vgg11bn, 32},
		{"vgg11_bn, 2×2 become 7×7", VGG11{1, 3, Batch}, (*reference).vgg11bn, 64},
	} {
		t.Run(test.name, func(t *testing.T) {
			image := make([]float32, 3*test.size*test.size)
			rng.Normals(rng.Stream(1, "image"), image)
			var params []weights.Spec
			f := func(p engine.Params, in []*Node) []*Node {
				logits := test.net.Forward(p, in[0], false)
				params = p.Unset()
				var nodes []*Node
				for _, spec := range params {
					nodes = append(nodes, p.Get(spec.Name, spec.Shape...))
				}
				loss := ReduceAllMean(CrossEntropy(logits, Const(logits.Graph(), []int32{label})))
				return append([]*Node{logits}, Gradient(loss, nodes...)...)
			}
			input := tensor(image, 1, 3, test.size, test.size)
			specs, err := e.Declare(f, input.Shape())
			if err != nil {
				t.Fatal(err)
			}
			r, w := &reference{w: map[string][]float64{}}, engine.Weights{}
			for i, spec := range specs {
				data := likely(spec, uint64(i))
				w[spec.Name] = tensor(data, spec.Shape...)
				for _, v := range data {
					r.w[spec.Name] = append(r.w[spec.Name], float64(v))
				}
			}
			out := run(t, f, w, input)
			compareReference(t, "logits", flat(out[0]), r.logits(test.layers, image, test.size))
			for i, spec := range params {
				n := len(r.w[spec.Name])
				var got []float32
				var want []float64
				for _, at := range []int{0, n / 3, n - 1} {
					const h = 1e-6
					old := r.w[spec.Name][at]
					r.w[spec.Name][at] = old + h
					above := loss64(r.logits(test.layers, image, test.size), label)
					r.w[spec.Name][at] = old - h
					below := loss64(r.logits(test.layers, image, test.size), label)
					r.w[spec.Name][at] = old
					got, want = append(got, flat(out[1+i])[at]), append(want, (above-below)/(2*h))
				}
				compareReference(t, "gradient of "+spec.Name, got, want)
			}
		})
	}
}

// likely returns weights of a size that keeps the numbers in a network at about 1.
func likely(spec weights.Spec, id uint64) []float32 {
	data := make([]float32, size(spec.Shape))
	sigma, mean := 0.1, 0.0
	switch {
	case strings.HasSuffix(spec.Name, "running_var"), len(spec.Shape) == 1 && strings.HasSuffix(spec.Name, "weight"):
		mean = 1
	case len(spec.Shape) > 1:
		sigma = math.Sqrt(2 / float64(len(data)/spec.Shape[0]))
	}
	normal(sigma)(rng.Stream(2, "weights", id), data)
	for i := range data {
		data[i] += float32(mean)
	}
	return data
}

// compareReference allows 1e-4 of the largest: eleven layers of float32, each of sums of up to 1000 products that are
// about as large as their sum, err by 11·√1000·2⁻²⁴ ≈ 2e-5 of it.
func compareReference(t *testing.T, name string, got []float32, want []float64) {
	t.Helper()
	largest := 1e-3
	for _, v := range want {
		largest = max(largest, math.Abs(v))
	}
	for i, v := range want {
		if math.Abs(float64(got[i])-v) > 1e-4*largest {
			t.Errorf("%s: element %d is %v, want %v", name, i, got[i], v)
		}
	}
}
