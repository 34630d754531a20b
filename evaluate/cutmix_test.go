package evaluate

import (
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/internal/fixtures/golden"
	"mgd3/rng"
)

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
