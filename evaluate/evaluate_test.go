package evaluate

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/optim"
	"mgd3/rng"
	"mgd3/weights"
)

// run runs f once with the given tensors, which it may set.
func run(t *testing.T, f engine.Func, w engine.Weights, in ...*tensors.Tensor) []*tensors.Tensor {
	t.Helper()
	program, err := openEngine(t).Compile("f", f, w)
	if err != nil {
		t.Fatal(err)
	}
	out, err := program.Run(in...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tensor(data []float32, dims ...int) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(data, dims...)
}

// TestReLU: at 0 the derivative is 0, as PyTorch has it, and NaN does not vanish.
func TestReLU(t *testing.T) {
	nan := float32(math.NaN())
	out := run(t, func(_ engine.Params, in []*Node) []*Node {
		y := engine.ReLU(in[0])
		return []*Node{y, Gradient(ReduceAllSum(y), in[0])[0]}
	}, nil, tensor([]float32{-2, 0, 3, nan}, 4))
	y, slope := flat(out[0]), flat(out[1])
	if !slices.Equal(y[:3], []float32{0, 0, 3}) || y[3] == y[3] {
		t.Errorf("got %v, want 0 0 3 NaN", y)
	}
	if !slices.Equal(slope[:3], []float32{0, 0, 1}) {
		t.Errorf("derivatives %v, want 0 0 1", slope)
	}
}

// TestAveragePool: rows and columns that fill no square are left out, and have no gradient.
func TestAveragePool(t *testing.T) {
	x := make([]float32, 3*5*2)
	for i := range x {
		x[i] = float32(i * i) // of whole numbers all sums are exact
	}
	out := run(t, func(_ engine.Params, in []*Node) []*Node {
		y := averagePool(in[0], 2)
		return []*Node{y, Gradient(ReduceAllSum(y), in[0])[0]}
	}, nil, tensor(x, 1, 3, 5, 2))
	at := func(row, col, c int) float32 { return x[(row*5+col)*2+c] }
	var want []float32
	for col := 0; col < 4; col += 2 {
		for c := range 2 {
			want = append(want, (at(0, col, c)+at(0, col+1, c)+at(1, col, c)+at(1, col+1, c))/4)
		}
	}
	if !slices.Equal(flat(out[0]), want) {
		t.Errorf("got %v, want %v", flat(out[0]), want)
	}
	for i, g := range flat(out[1]) {
		row, col := i/10, i/2%5
		if want := map[bool]float32{true: 0.25}[row < 2 && col < 4]; g != want {
			t.Errorf("gradient at %d, %d is %v, want %v", row, col, g, want)
		}
	}
}

// TestNorms compares the norms with their formula in float64.
func TestNorms(t *testing.T) {
	const b, h, w, c = 3, 4, 5, 6
	x := make([]float32, b*h*w*c)
	rng.Normals(rng.Stream(1, "x"), x)
	weight, bias, mean, variance := make([]float32, c), make([]float32, c), make([]float32, c), make([]float32, c)
	for i := range c {
		weight[i], bias[i], mean[i], variance[i] = 1+float32(i), float32(i)/8, float32(i)/4, 2
	}
	// moments64 returns those of channel ch in images lo to hi.
	moments64 := func(lo, hi, ch int) (mean, variance float64) {
		n := float64((hi - lo) * h * w)
		for i := lo * h * w * c; i < hi*h*w*c; i++ {
			if i%c == ch {
				mean += float64(x[i]) / n
			}
		}
		for i := lo * h * w * c; i < hi*h*w*c; i++ {
			if i%c == ch {
				variance += (float64(x[i]) - mean) * (float64(x[i]) - mean) / n
			}
		}
		return mean, variance
	}
	for _, test := range []struct {
		name    string
		layer   layer
		moments func(image, ch int) (mean, variance float64)
	}{
		{"instance", layer{Instance, true},
			func(image, ch int) (float64, float64) { return moments64(image, image+1, ch) }},
		{"the default", layer{"", false},
			func(image, ch int) (float64, float64) { return moments64(image, image+1, ch) }},
		{"batch in training", layer{Batch, true}, func(_, ch int) (float64, float64) { return moments64(0, b, ch) }},
		{"batch taken in twice, in training", layer{BatchTwice, true},
			func(_, ch int) (float64, float64) { return moments64(0, b, ch) }},
		{"batch taken in twice", layer{BatchTwice, false},
			func(_, ch int) (float64, float64) { return float64(mean[ch]), float64(variance[ch]) }},
		{"batch", layer{Batch, false}, func(_, ch int) (float64, float64) {
			return float64(mean[ch]),
				float64(variance[ch])
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			set := engine.Weights{"weight": tensor(weight, c), "bias": tensor(bias, c), "running_mean": tensor(mean, c),
				"running_var": tensor(variance, c)}
			out := run(t, func(p engine.Params, in []*Node) []*Node {
				return []*Node{test.layer.normalise(p, in[0])}
			}, set, tensor(x, b, h, w, c))
			for i, got := range flat(out[0]) {
				ch := i % c
				m, v := test.moments(i/(h*w*c), ch)
				want := float64(weight[ch])*(float64(x[i])-m)/math.Sqrt(v+epsilon) + float64(bias[ch])
				// Each step rounds what is at most (|x|+|mean|)·weight/σ < 40 here, and the sums of up to 60 numbers
				// err by less than as many roundings.
				if tol := 64 * 40 * 0x1p-24; math.Abs(float64(got)-want) > tol {
					t.Fatalf("element %d is %v, want %v ± %.1e", i, got, want, tol)
				}
			}
			for ch := range c {
				wantMean, wantVar := float64(mean[ch]), float64(variance[ch])
				if share := map[layer]float64{{Batch, true}: 0.1, {BatchTwice,
					true}: 1 - 0.9*0.9}[test.layer]; share > 0 {
					m, v := moments64(0, b, ch)
					const n = b * h * w
					wantMean, wantVar = (1-share)*wantMean+share*m, (1-share)*wantVar+share*v*n/(n-1)
				}
				gotMean, gotVar := flat(set["running_mean"])[ch], flat(set["running_var"])[ch]
				if math.Abs(float64(gotMean)-wantMean) > 1e-6 || math.Abs(float64(gotVar)-wantVar) > 1e-6 {
					t.Errorf("channel %d: the running moments are %v and %v, want %v and %v", ch, gotMean, gotVar,
						wantMean, wantVar)
				}
			}
		})
	}
}

// line is a network whose loss gradients one can do on paper: it takes one pixel of each image.
type line struct{}

func (line) Forward(p engine.Params, x *Node, _ bool) *Node {
	pixel := Reshape(Slice(x, AxisRange(), AxisElem(0), AxisElem(0), AxisElem(0)), x.Shape().Dim(0), 1)
	return Mul(pixel, Reshape(p.Get("w", 2), 1, 2))
}

func (line) Start([]int, bool) Start { return zeros }

// TestTrainStep takes two steps of SGD beside the same on paper.
func TestTrainStep(t *testing.T) {
	const rate, mu, decay = 0.5, 0.9, 0.01
	x, labels := []float32{1, -2}, []int32{0, 1}
	w := engine.Weights{"w": tensor([]float32{0.3, -0.2}, 2), "momentum.w": tensor([]float32{0, 0}, 2)}
	program, err := openEngine(t).Compile("step", TrainStep(line{}, CrossEntropy,
		optim.SGD{Momentum: mu, Decay: decay}), w)
	if err != nil {
		t.Fatal(err)
	}
	want, m := [2]float64{float64(float32(0.3)), float64(float32(-0.2))}, [2]float64{}
	for step := range 2 {
		loss, slope := 0.0, [2]float64{}
		for i, v := range x {
			z := [2]float64{float64(v) * want[0], float64(v) * want[1]}
			sum := math.Exp(z[0]) + math.Exp(z[1])
			loss -= math.Log(math.Exp(z[labels[i]])/sum) / 2
			for k := range slope {
				hot := map[bool]float64{true: 1}[int(labels[i]) == k]
				slope[k] += float64(v) * (math.Exp(z[k])/sum - hot) / 2
			}
		}
		for k := range want {
			m[k] = mu*m[k] + slope[k] + decay*want[k]
			want[k] -= rate * m[k]
		}
		out, err := program.Run(tensor(x, 2, 1, 1, 1), tensors.FromValue(labels), tensors.FromScalar(float32(rate)))
		if err != nil {
			t.Fatal(err)
		}
		if got := float64(tensors.ToScalar[float32](out[0])); math.Abs(got-loss) > 1e-6 {
			t.Errorf("step %d: loss %v, want %v", step, got, loss)
		}
		for k := range want {
			if w, m64 := float64(flat(w["w"])[k]), float64(flat(w["momentum.w"])[k]); math.Abs(w-want[k]) > 1e-6 ||
				math.Abs(m64-m[k]) > 1e-6 {
				t.Errorf("step %d: weight %v and momentum %v, want %v and %v", step, w, m64, want[k], m[k])
			}
		}
	}
}

// nets are one of each kind, small. Batch norm has maps of several pixels: over two numbers it is a sign, and
// training jumps.
var nets = map[string]Net{
	"convnet":         ConvNet{Depth: 2, Width: 6, Classes: 3},
	"convnet, none":   ConvNet{Depth: 2, Width: 6, Classes: 3, Norm: NoNorm},
	"resnet 10":       ResNet{Depth: 10, Width: 4, Size: 32, Classes: 3},
	"resnet 50":       ResNet{Depth: 50, Width: 4, Size: 32, Classes: 3},
	"resnet 18 batch": ResNet{Depth: 18, Width: 4, Size: 32, Classes: 3, Norm: Batch},
	"resnet 34":       ResNet{Depth: 34, Width: 4, Size: 32, Classes: 3},
	"resnet ap":       ResNet{Depth: 10, Width: 4, Size: 96, Classes: 3, AveragePool: true},
	"resnet ap 18":    ResNet{Depth: 18, Width: 4, Size: 32, Classes: 3, AveragePool: true},
	"alexnet":         AlexNet{Width: 4, Classes: 3},
	"vgg 11":          VGG11{Width: 4, Classes: 3, Norm: NoNorm},
	"vgg 11 batch":    VGG11{Width: 4, Classes: 3, Norm: Batch},
}

// TestTraining: every kind of network, from fresh weights, learns two images by heart.
func TestTraining(t *testing.T) {
	e := openEngine(t)
	for name, net := range nets {
		t.Run(name, func(t *testing.T) {
			size := 32
			if name == "alexnet" {
				size = smallestAlexNet
			}
			x := make([]float32, 2*3*size*size)
			rng.Normals(rng.Stream(1, "x"), x)
			f := TrainStep(net, CrossEntropy, optim.SGD{Momentum: 0.9, Decay: 5e-4})
			specs, err := e.Declare(f, shapes.Make(dtypes.Float32, 2, 3, size, size), shapes.Make(dtypes.Int32, 2),
				shapes.Make(dtypes.Float32))
			if err != nil {
				t.Fatal(err)
			}
			w, err := Fresh(e, net, specs, 1)
			if err != nil {
				t.Fatal(err)
			}
			step, err := e.Compile(name, f, w)
			if err != nil {
				t.Fatal(err)
			}
			steps, last := 40, 1 // what is dropped makes losses uneven: of AlexNet and VGG-11 we take the mean of many
			if slices.ContainsFunc(specs, func(s weights.Spec) bool { return s.Name == dropoutState }) {
				steps, last = 120, 30
			}
			var losses []float32
			for range steps {
				out, err := step.Run(tensor(x, 2, 3, size, size), tensors.FromValue([]int32{2, 0}),
					tensors.FromScalar(float32(0.01)))
				if err != nil {
					t.Fatal(err)
				}
				losses = append(losses, tensors.ToScalar[float32](out[0]))
			}
			end := float32(0)
			for _, loss := range losses[steps-last:] {
				end += loss / float32(last)
			}
			if !(end < losses[0]/2) {
				t.Errorf("losses %v, want them to halve", losses)
			}
		})
	}
}

// TestNames: the parameters have PyTorch's names where no golden case has them.
func TestNames(t *testing.T) {
	e := openEngine(t)
	image := shapes.Make(dtypes.Float32, 1, 3, 32, 32)
	for name, want := range map[string]string{
		"resnet 50":       "layer1.0.downsample.0.weight [16 4 1 1]",
		"resnet 18 batch": "layer4.1.bn2.running_var [32]",
		"resnet ap":       "layer2.0.downsample.2.bias [8]",
		"convnet, none":   "layers.conv.1.bias [6]",
	} {
		specs, err := e.Declare(Logits(nets[name]), image)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, spec := range specs {
			names = append(names, fmt.Sprint(spec.Name, " ", spec.Shape))
		}
		if !slices.Contains(names, want) {
			t.Errorf("%s has %q, want %s among them", name, names, want)
		}
	}
}

func TestRefused(t *testing.T) {
	e := openEngine(t)
	for want, net := range map[string]Net{
		"depth 11":  ResNet{Depth: 11, Width: 4, Size: 32, Classes: 3},
		"ResNetAP":  ResNet{Depth: 50, Width: 4, Size: 32, Classes: 3, AveragePool: true},
		"0 classes": ResNet{Depth: 10, Width: 4, Size: 32},
		"weight":    ConvNet{Depth: 1, Width: 4, Classes: 3, Norm: "weight"},
	} {
		if _, err := e.Declare(Logits(net), shapes.Make(dtypes.Float32, 1, 3, 32, 32)); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want an error with %q", net, err, want)
		}
	}
}
