package plain

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"mgd3/cpu/internal/ir"
)

func normals(r *rand.Rand, dims ...int) ir.Tensor {
	x := make([]float64, product(dims))
	for i := range x {
		x[i] = r.NormFloat64()
	}
	return tensor(x, dims...)
}

func wholes(r *rand.Rand, dims ...int) ir.Tensor {
	x := make([]int32, product(dims))
	for i := range x {
		x[i] = int32(r.IntN(15)) - 7
	}
	return tensor(x, dims...)
}

func floats(x ir.Tensor) []float64 { return x.Flat.([]float64) }

// FuzzViews: what a view copies out and back is what was there, whatever the permutation and the window.
func FuzzViews(f *testing.F) {
	for seed := range uint64(30) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		dims := make([]int, r.IntN(4))
		for i := range dims {
			dims[i] = 1 + r.IntN(4)
		}
		x := wholes(r, dims...)
		v := dense(dims).transposed(r.Perm(len(dims)))
		starts, size := make([]int, len(dims)), make([]int, len(dims))
		for i, dim := range v.dims {
			starts[i] = r.IntN(dim)
			size[i] = r.IntN(dim - starts[i] + 1)
		}
		v = v.sliced(starts, size, nil)
		k := kinds[dtypes.Int32]
		part := like(x, v.dims)
		k.copyFrom(part, x, v)
		for i, place := range v.places() {
			if part.Flat.([]int32)[i] != x.Flat.([]int32)[place] {
				t.Fatalf("element %d of %+v is not that at %d", i, v, place)
			}
		}
		back := like(x, dims)
		copy(back.Flat.([]int32), x.Flat.([]int32))
		k.copyTo(back, v, part)
		if !slices.Equal(back.Flat.([]int32), x.Flat.([]int32)) {
			t.Errorf("%+v: copied out and back, %v became %v", v, x.Flat, back.Flat)
		}
	})
}

// FuzzConv: a convolution is the sum over the padded, dilated input that its definition says.
func FuzzConv(f *testing.F) {
	for seed := range uint64(60) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 2))
		channelGroups, batchGroups := 1+r.IntN(2), 1
		if r.IntN(3) == 0 {
			channelGroups, batchGroups = 1, 2
		}
		images, depth, channels := batchGroups*(1+r.IntN(2)), 1+r.IntN(3), channelGroups*batchGroups*(1+r.IntN(3))
		height, width, kh, kw := 3+r.IntN(4), 3+r.IntN(4), 1+r.IntN(3), 1+r.IntN(3)
		a := ir.Conv{Strides: pair(r), InputDilations: pair(r), KernelDilations: pair(r),
			Paddings:          [][2]int{{r.IntN(4), r.IntN(4)}, {r.IntN(3), r.IntN(3)}},
			ChannelGroupCount: channelGroups, BatchGroupCount: batchGroups,
			Axes: compute.ConvolveAxesConfig{InputBatch: 0, InputChannels: 3, InputSpatial: []int{1, 2},
				KernelOutputChannels: 0, KernelInputChannels: 3,
				KernelSpatial: []int{1, 2}, OutputBatch: 1, OutputChannels: 2, OutputSpatial: []int{0, 3}}}
		x, kernel := wholes(r, images, height, width, depth*channelGroups), wholes(r, channels, kh, kw, depth)
		size := func(axis, n, k int) int {
			padded := (n-1)*a.InputDilations[axis] + 1 + a.Paddings[axis][0] + a.Paddings[axis][1]
			return (padded-(k-1)*a.KernelDilations[axis]-1)/a.Strides[axis] + 1
		}
		oh, ow := size(0, height, kh), size(1, width, kw)
		if oh < 1 || ow < 1 {
			return
		}
		out := zeros(dtypes.Int32, []int{oh, images / batchGroups, channels, ow})
		kinds[dtypes.Int32].conv(a, x, kernel, out)
		in, w, to := dense(x.Dims()), dense(kernel.Dims()), dense(out.Dims())
		for n := range images / batchGroups {
			for i := range oh {
				for j := range ow {
					for c := range channels {
						var sum int32
						for p := range kh {
							for q := range kw {
								h := i*a.Strides[0] + p*a.KernelDilations[0] - a.Paddings[0][0]
								v := j*a.Strides[1] + q*a.KernelDilations[1] - a.Paddings[1][0]
								if h < 0 || v < 0 || h%a.InputDilations[0] != 0 || v%a.InputDilations[1] != 0 ||
									h/a.InputDilations[0] >= height || v/a.InputDilations[1] >= width {
									continue
								}
								for d := range depth {
									image := n + c/(channels/batchGroups)*(images/batchGroups)
									channel := d + c/(channels/channelGroups)*depth
									sum += x.Flat.([]int32)[in.at(image, h/a.InputDilations[0], v/a.InputDilations[1],
										channel)] * kernel.Flat.([]int32)[w.at(c, p, q, d)]
								}
							}
						}
						if got := out.Flat.([]int32)[to.at(i, n, c, j)]; got != sum {
							t.Fatalf("%+v: out[%d, %d, %d, %d] = %d, want %d", a, n, i, j, c, got, sum)
						}
					}
				}
			}
		}
	})
}

func pair(r *rand.Rand) []int { return []int{1 + r.IntN(2), 1 + r.IntN(3)} }

// FuzzPad: padding and slicing with the same numbers is the identity.
func FuzzPad(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 3))
		dims := []int{1 + r.IntN(4), 1 + r.IntN(4)}
		var a ir.Pad
		var out, starts, limits, strides []int
		for _, dim := range dims {
			p := compute.PadAxis{Start: r.IntN(3), End: r.IntN(3), Interior: r.IntN(3)}
			a = append(a, p)
			starts, strides = append(starts, p.Start), append(strides, p.Interior+1)
			limits = append(limits, p.Start+(dim-1)*(p.Interior+1)+1)
			out = append(out, limits[len(limits)-1]+p.End)
		}
		x, padded := wholes(r, dims...), zeros(dtypes.Int32, out)
		pad(kinds[dtypes.Int32], a, x, tensor([]int32{99}), padded)
		back := evalOne(t, compute.OpTypeSlice, ir.Slice{Starts: starts, Limits: limits, Strides: strides}, x, padded)
		if !slices.Equal(back.([]int32), x.Flat.([]int32)) {
			t.Errorf("%+v: %v became %v", a, x.Flat, back)
		}
		filled := 0
		for _, v := range padded.Flat.([]int32) {
			filled += int(v / 99)
		}
		if want := product(out) - product(dims); filled != want {
			t.Errorf("%+v: %d fillings, want %d", a, filled, want)
		}
	})
}

// derivative is that of f by x[i], by differences.
func derivative(x []float64, i int, f func() float64) float64 {
	const h = 1e-5
	was := x[i]
	defer func() { x[i] = was }()
	x[i] = was + h
	above := f()
	x[i] = was - h
	return (above - f()) / (2 * h)
}

func inner64(x, y ir.Tensor) float64 { return inner[float64](floats(x), floats(y)) }

func TestBatchNormGradient(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 4))
	a := ir.BatchNorm{Epsilon: 1e-3, FeatureAxis: 1}
	x, scale, offset, dy := normals(r, 4, 3, 2), normals(r, 3), normals(r, 3), normals(r, 4, 3, 2)
	forward := []ir.Tensor{like(x, x.Dims()), like(x, []int{3}), like(x, []int{3})}
	k := kinds[dtypes.Float64]
	value := func() float64 {
		k.batchNormTraining(a, []ir.Tensor{x, scale, offset}, forward)
		return inner64(forward[0], dy)
	}
	value()
	grads := []ir.Tensor{like(x, x.Dims()), like(x, []int{3}), like(x, []int{3})}
	mean, variance := slices.Clone(floats(forward[1])), slices.Clone(floats(forward[2]))
	k.batchNormGradient(a, []ir.Tensor{x, scale, vector(mean...), vector(variance...), dy}, grads)
	for n, by := range []ir.Tensor{x, scale, offset} {
		for i := range floats(by) {
			// The third derivative is of order 10, h² is 1e-10, and the rounding 1e-16·10/h = 1e-10.
			if want, got := derivative(floats(by), i, value), floats(grads[n])[i]; math.Abs(got-want) > 1e-7 {
				t.Errorf("gradient %d, element %d: %v, by differences %v", n, i, got, want)
			}
		}
	}
	// With the statistics as given, inference is training.
	out := like(x, x.Dims())
	k.batchNormInference(a, []ir.Tensor{x, scale, offset, vector(mean...), vector(variance...)}, out)
	value()
	if !slices.Equal(floats(out), floats(forward[0])) {
		t.Errorf("inference %v, training %v", out.Flat, forward[0].Flat)
	}
}

func TestAttentionGradient(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	// query 2 may attend to nothing
	mask := tensor([]bool{true, true, false, true, true, true, false, false, false}, 3, 3)
	for _, c := range []struct {
		name string
		a    ir.Attention
		rest []ir.Tensor
	}{
		{"plain", ir.Attention{}, nil},
		{"BSHD, causal", ir.Attention{Layout: compute.AttentionAxesLayoutBSHD, Causal: true}, nil},
		{"mask", ir.Attention{HasMask: true}, []ir.Tensor{widen(mask)}},
		{"BSHD, mask of four axes", ir.Attention{Layout: compute.AttentionAxesLayoutBSHD, HasMask: true},
			[]ir.Tensor{normals(r, 2, 3, 4, 3)}},
		{"lengths", ir.Attention{HasLengths: true}, []ir.Tensor{vector[int32](3, 2), vector[int32](1, 3)}},
		{"bias", ir.Attention{HasBias: true}, []ir.Tensor{normals(r, 4, 1, 3)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := c.a
			a.Scale = 0.7
			query, key := []int{2, 4, 3, 5}, []int{2, 2, 3, 5} // two heads of the query for each of the key
			if a.Layout == compute.AttentionAxesLayoutBSHD {
				query, key = []int{2, 3, 4, 5}, []int{2, 3, 2, 5}
			}
			q, k, v, g := normals(r, query...), normals(r, key...), normals(r, key...), normals(r, query...)
			in := slices.Concat([]ir.Tensor{q, k, v}, c.rest)
			out := []ir.Tensor{like(q, query), zeros(dtypes.Float64, []int{2, 4, 3, 2})}
			value := func() float64 {
				kinds[dtypes.Float64].attention(a, in, out)
				return inner64(out[0], g)
			}
			value()
			o := []ir.Tensor{vector(slices.Clone(floats(out[0]))...), vector(slices.Clone(floats(out[1]))...)}
			grads := []ir.Tensor{like(q, query), like(k, key), like(v, key)}
			kinds[dtypes.Float64].attentionVJP(a, slices.Concat(in, o, []ir.Tensor{g}), grads)
			for n, by := range []ir.Tensor{q, k, v} {
				for i := range floats(by) {
					if want, got := derivative(floats(by), i, value), floats(grads[n])[i]; math.Abs(got-want) > 1e-7 {
						t.Fatalf("gradient %d, element %d: %v, by differences %v", n, i, got, want)
					}
				}
			}
		})
	}
}

// TestAttentionIsWhatItSays compares with the formula in single steps, and the row that attends to nothing.
func TestAttentionIsWhatItSays(t *testing.T) {
	q, k, v := tensor([]float64{1, 2}, 1, 1, 2, 1), tensor([]float64{1, -1}, 1, 1, 2, 1),
		tensor([]float64{10, 20}, 1, 1, 2, 1)
	out := []ir.Tensor{like(q, q.Dims()), like(q, []int{1, 1, 2, 2})}
	mask := widen(tensor([]bool{true, true, false, false}, 2, 2))
	kinds[dtypes.Float64].attention(ir.Attention{Scale: 1, HasMask: true}, []ir.Tensor{q, k, v, mask}, out)
	p := math.Exp(1) / (math.Exp(1) + math.Exp(-1))
	want := []float64{10*p + 20*(1-p), 0}
	if got := floats(out[0]); math.Abs(got[0]-want[0]) > 1e-14 || got[1] != 0 {
		t.Errorf("output %v, want %v", got, want)
	}
	if logs := floats(out[1]); math.Abs(logs[0]-math.Log(math.Exp(1)+math.Exp(-1))) > 1e-15 ||
		!slices.Equal(logs[1:], []float64{1, inf, 0}) {
		t.Errorf("logarithms of sums %v", logs)
	}
}

func TestQKV(t *testing.T) {
	x, w := tensor([]float64{1, 2}, 1, 2), tensor([]float64{1, 2, 3, 4, 10, 20, 30, 40}, 2, 4)
	outs := []ir.Tensor{tensor([]float64{0, 0}, 1, 2), tensor([]float64{0}, 1, 1), tensor([]float64{0}, 1, 1)}
	n := &ir.Node{Op: compute.OpTypeFusedAttentionQKVProjection, Attr: ir.QKV{QueryDim: 2, KeyValueDim: 1,
		Has: [3]bool{true, false, true}}}
	if err := Eval(n, []ir.Tensor{x, w, vector(100.0, 200), vector(1000.0)}, outs); err != nil {
		t.Fatal(err)
	}
	if got := slices.Concat(floats(outs[0]), floats(outs[1]),
		floats(outs[2])); !slices.Equal(got, []float64{121, 242, 63, 1084}) {
		t.Errorf("query, key, value %v", got)
	}
}
