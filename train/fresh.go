package train

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"mgd3/engine"
	"mgd3/rng"
	"mgd3/stage"
	"mgd3/weights"
)

// initialiser fills a new parameter; inputs is how many numbers one output of its layer is made from, 0 where its
// layer has a vector for weight, as norms have.
type initialiser func(spec weights.Spec, inputs int, r *rand.Rand, data []float32)

// fresh returns the tensors before the first step: parameters from a file, or from streams of the seed and their
// names; running means equal to them, and AdamW's state 0.
func (o *Options) fresh(t task, specs []weights.Spec) (engine.Weights, error) {
	given, err := o.given(t, specs)
	if err != nil {
		return nil, err
	}
	w := engine.Weights{}
	data := map[string][]float32{}
	for _, spec := range specs {
		name, isMean := strings.CutPrefix(spec.Name, emaScope+".")
		switch {
		case strings.HasPrefix(spec.Name, frozenScope+"."):
			continue
		case isMean: // its parameter was asked for before
			data[spec.Name] = data[name]
		default:
			data[spec.Name] = make([]float32, size(spec.Shape))
		}
		switch {
		case !isParameter(spec.Name):
		case given != nil:
			data[spec.Name] = given[spec.Name]
		default:
			t.fresh(spec, inputsOf(spec, specs), rng.Stream(o.Protocol.Seed, "weights", rng.Hash(spec.Name)),
				data[spec.Name])
		}
		tensor, err := o.Engine.Tensor(data[spec.Name], spec.Shape...)
		if err != nil {
			return nil, err
		}
		w[spec.Name] = tensor
	}
	return w, nil
}

// given reads the parameters that o.From has, under our names, or nil without it. A missing tensor or another shape is
// an error; optional ones may be there and are not used. AdamW's state begins at 0 whatever the file was trained with.
func (o *Options) given(t task, specs []weights.Spec) (map[string][]float32, error) {
	if o.From == "" {
		return nil, nil
	}
	file, err := weights.Open(o.From)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	set, err := t.names(file)
	if err != nil {
		return nil, err
	}
	for _, n := range file.Notes() {
		o.report(Event{Event: stage.Event{Warning: n}})
	}
	return set.Load(append(slices.DeleteFunc(slices.Clone(specs),
		func(s weights.Spec) bool { return !isParameter(s.Name) }), t.optional...))
}

// inputsOf returns the inputs of one output of the spec's layer (PyTorch's fan-in): of its weight [out, in, …] the
// product of all but the first. A bias has those of the weight beside it.
func inputsOf(spec weights.Spec, specs []weights.Spec) int {
	layer := spec.Name[:strings.LastIndexByte(spec.Name, '.')+1]
	for _, s := range specs {
		if s.Name == layer+"weight" && len(s.Shape) > 1 {
			return size(s.Shape[1:])
		}
	}
	return 0
}

// likeTorch fills what convolutions, linear layers and norms of PyTorch start from: uniform in ±1/√inputs, weight and
// bias alike; of norms weight 1 and bias 0.
func likeTorch(spec weights.Spec, inputs int, r *rand.Rand, data []float32) {
	switch {
	case inputs > 0:
		uniform(r, data, 1/math.Sqrt(float64(inputs)))
	case strings.HasSuffix(spec.Name, ".weight"):
		for i := range data {
			data[i] = 1
		}
	}
}

// likeDiT fills what a DiT starts from (Peebles and Xie 2023, section 3.2 and the released program): biases 0, the
// modulations and the last layer 0, so that every block is the identity, the embeddings of time and class normal with
// σ = 0.02, all other matrices [out, in] uniform in ±√(6/(in + out)).
func likeDiT(spec weights.Spec, inputs int, r *rand.Rand, data []float32) {
	switch {
	case strings.HasSuffix(spec.Name, ".bias"), strings.Contains(spec.Name, "adaLN_modulation"),
		strings.HasPrefix(spec.Name, "final_layer."):
	case strings.HasPrefix(spec.Name, "y_embedder."), strings.HasPrefix(spec.Name, "t_embedder."):
		rng.Normals(r, data)
		for i := range data {
			data[i] *= 0.02
		}
	default:
		uniform(r, data, math.Sqrt(6/float64(inputs+spec.Shape[0])))
	}
}

// uniform fills data with numbers in ±bound.
func uniform(r *rand.Rand, data []float32, bound float64) {
	for i := range data {
		data[i] = float32((2*r.Float64() - 1) * bound)
	}
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
