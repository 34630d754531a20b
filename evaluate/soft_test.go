package evaluate

import (
	"math"
	"slices"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
)

// TestLabel: a mixed image has the labels of both, each with the weight of its image.
func TestLabel(t *testing.T) {
	r := briefRun(t)
	r.Train.Weights = make([]float32, 15)
	for i := range r.Train.Weights {
		r.Train.Weights[i] = float32(i)
	}
	tr := &training{Run: r, counts: r.Train.weights()}
	b := &batch{rows: []int{1, 6, 11}} // of the classes 0, 1 and 2, with the weights 1, 6, 11 of mean 7
	tr.label(b, Mix{Kept: 0.25, Permutation: []int{2, 1, 0}})
	want := []float32{0.25 * 1 / 7., 0, 0.75 * 11 / 7., 0, 6 / 7., 0, 0.75 * 1 / 7., 0, 0.25 * 11 / 7.}
	for i, v := range b.targets {
		if math.Abs(float64(v-want[i])) > 4*0x1p-24 {
			t.Errorf("targets %v, want %v", b.targets, want)
			break
		}
	}
	if !slices.Equal(b.labels, []int32{2, 1, 0}) {
		t.Errorf("the larger parts have the labels %v, want 2, 1, 0", b.labels)
	}
}

// TestWeights: what an image of weight 0 is said to be does not matter, and equal weights are none.
func TestWeights(t *testing.T) {
	weighted := func(spoil, weight bool) string {
		r := briefRun(t)
		for i := range r.Train.Labels {
			if spoil && i%5 > 1 {
				r.Train.Labels[i] = (r.Train.Labels[i] + 1) % 3
			}
			if weight {
				r.Train.Weights = append(r.Train.Weights, map[bool]float32{true: 3}[i%5 <= 1])
			}
		}
		return do(t, r).Weights
	}
	plain, spoilt := weighted(false, false), weighted(true, false)
	right, wrong := weighted(false, true), weighted(true, true)
	if wrong != right || plain == right || plain == spoilt {
		t.Errorf("right labels: %s and weighted %s; wrong ones: %s and weighted %s", plain, right, spoilt, wrong)
	}
	r := briefRun(t)
	r.Train.Weights = slices.Repeat([]float32{8}, 15)
	if got := do(t, r).Weights; got != plain {
		t.Errorf("of equal weights: %s, want %s", got, plain)
	}
}

// TestDivergence: of a student who says what the teacher says it is 0, and its derivative is that of the cross-entropy.
func TestDivergence(t *testing.T) {
	for _, temperature := range []float64{1, 20} {
		logits, labels := tensor([]float32{1, -2, 30, 400, 0, -400}, 2, 3),
			tensor([]float32{0.2, 0.5, 0.3, 1, 0, 0}, 2, 3)
		out := run(t, divergences(temperature), nil, logits, labels)
		own, mixed := flat(out[0]), flat(out[1])
		for i, v := range own {
			if math.Abs(float64(v)) > 1e-6 { // a sum of three products of at most ln 2²⁴ and roundings
				t.Errorf("T = %v: image %d diverges from itself by %v", temperature, i, v)
			}
		}
		for i, row := range [][]float64{{1, -2, 30}, {400, 0, -400}} {
			sum, want := 0.0, 0.0
			for _, z := range row {
				sum += math.Exp((z - slices.Max(row)) / temperature)
			}
			for k, q := range flat(labels)[3*i : 3*i+3] {
				if q := float64(q); q > 0 {
					want += q * (math.Log(q) - (row[k]-slices.Max(row))/temperature + math.Log(sum))
				}
			}
			if math.Abs(float64(mixed[i])-want) > 1e-6*(1+want) {
				t.Errorf("T = %v: image %d diverges by %v, want %v", temperature, i, mixed[i], want)
			}
		}
	}
}

// TestSoft: a student learns from a teacher alone.
func TestSoft(t *testing.T) {
	r := briefRun(t, "epochs=30", "norm=batch")
	r.Dir = t.TempDir()
	r.Protocol.Name, r.Protocol.CutMix = "teacher", 0
	teacher, score, err := r.TrainTeacher(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if score.Last < 0.8 {
		t.Fatalf("the teacher has an accuracy of %v", score.Last)
	}
	s := briefRun(t)
	s.Engine = r.Engine
	if s.Protocol, err = Preset("soft-f1", Facts{IPC: 5, Classes: 3, Images: 15, Size: 8,
		Net: "convnet2"}); err != nil {
		t.Fatal(err)
	}
	if s.Protocol, err = s.Protocol.With("epochs=40"); err != nil {
		t.Fatal(err)
	}
	s.Protocol.Augment.Scale = [2]float64{}
	s.Teacher = teacher
	for i := range s.Train.Labels {
		s.Train.Labels[i] = int32(i % 3) // which nobody looks at but the curve
	}
	if student := do(t, s); student.Best < 0.7 {
		t.Errorf("the student has an accuracy of %v", student.Best)
	}
	if again, _, err := r.TrainTeacher(t.Context()); err != nil || again.ID != teacher.ID {
		t.Errorf("trained again, the teacher is another: %v", err)
	}
}

// divergences is that of logits from their own softmax, and from labels.
func divergences(temperature float64) engine.Func {
	return func(_ engine.Params, in []*Node) []*Node {
		loss := Divergence(temperature)
		return []*Node{loss(in[0], Softmax(DivScalar(in[0], temperature))), loss(in[0], in[1])}
	}
}
