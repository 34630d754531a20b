package evaluate

import (
	"cmp"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/weights"
)

// taughtRun is a brief run with soft labels and a teacher that was trained a little.
func taughtRun(t *testing.T, changes ...string) *Run {
	t.Helper()
	teacher := briefRun(t, "epochs=4", "norm=batch")
	teacher.Dir = t.TempDir()
	known, _, err := teacher.TrainTeacher(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := briefRun(t, changes...)
	r.Engine = teacher.Engine
	r.Protocol.Labels, r.Protocol.Temperature, r.Teacher = Soft, 4, known
	return r
}

// storedRun is the run with stored labels in the place of its teacher.
func storedRun(t *testing.T, r *Run, o StoreOptions) *Run {
	t.Helper()
	path := filepath.Join(t.TempDir(), "labels.safetensors")
	size, err := r.Store(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() < size || info.Size() > size+10_000 {
		t.Errorf("the file has %v bytes, want %d and a header: %v", info.Size(), size, err)
	}
	s, err := OpenStored(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	other := *r
	other.Teacher, other.Stored = nil, s
	return &other
}

// TestStored: training from all logits in float32 is training with the teacher there, to the bit; in half precision
// the nets differ, and their last losses by little. A logit z has an error of at most 2⁻¹¹·|z| (11 bits). A share
// p = softmax(z/T) changes by a factor of at most exp(2·δ), δ = 2⁻¹¹·max|z|/T, since numerator and sum change by
// exp(±δ) each. The loss Σ p·(ln p − ln q) then changes by at most 2·δ·Σ p·(|ln p − ln q| + 1), of which the linear
// part vanishes at the student's optimum. With |z| < 4 and T = 4 that is
// 2·2⁻¹¹ = 1/1,024 of the loss and its entropy part;
// the net's drift over the steps is of second order. 1e-5 covers the roundings of float32 in a loss near 0.
func TestStored(t *testing.T) {
	r := taughtRun(t, "cutmix=1")
	with := do(t, r)
	if got := do(t, storedRun(t, r, StoreOptions{Whole: true})); got.Weights != with.Weights {
		t.Errorf("all logits in float32: the net is %s, want %s", got.Weights, with.Weights)
	}
	half := do(t, storedRun(t, r, StoreOptions{}))
	a, b := with.Curve[len(with.Curve)-1].Loss, half.Curve[len(half.Curve)-1].Loss
	if half.Weights == with.Weights || math.Abs(a-b) > 1e-3*math.Abs(a)+1e-5 {
		t.Errorf("all logits in half precision: the last loss is %v, with the teacher %v", b, a)
	}
	few := storedRun(t, r, StoreOptions{Top: 2})
	if got := do(t, few); got.Teacher == nil || got.Teacher.Net != "convnet2" {
		t.Errorf("two of three logits: the teacher is %+v", got.Teacher)
	}
	again := *few
	again.Protocol.Epochs = 3 // a shorter training sees the first epochs
	do(t, &again)
	for name, change := range map[string]func(r *Run){
		"seed 3, want 4":       func(r *Run) { r.Seed++ },
		"of 8 epochs, want 9":  func(r *Run) { r.Protocol.Epochs++ },
		"augmentation or CutM": func(r *Run) { r.Protocol.Augment.Flip = 0 },
		"images, batch":        func(r *Run) { r.Protocol.Batch = 5 },
	} {
		other := *few
		change(&other)
		if _, err := other.Do(t.Context()); !errors.Is(err, ErrStored) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got the error %v", name, err)
		}
	}
}

// TestStoredShares: of the labels of two logits, the third class has none, and the others are the softmax of the two.
func TestStoredShares(t *testing.T) {
	r := taughtRun(t)
	few := storedRun(t, r, StoreOptions{Top: 2, Whole: true})
	logits, err := few.Stored.of(&batch{epoch: 1, rows: make([]int, 6)}, 6)
	if err != nil {
		t.Fatal(err)
	}
	program, err := few.Engine.Compile("stored labels", softened(few.Protocol.Temperature), nil)
	if err != nil {
		t.Fatal(err)
	}
	raw := flat(logits)
	out, err := program.Run1(logits)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range flat(out) {
		sum := 0.0
		for j := range 3 {
			sum += math.Exp(float64(raw[i/3*3+j]) / 4)
		}
		want := math.Exp(float64(raw[i])/4) / sum
		if math.Abs(float64(v)-want) > 1e-6 || (raw[i] == absent) != (v == 0) {
			t.Errorf("share %d is %v, want %v of the logit %v", i, v, want, raw[i])
		}
	}
}

// TestStoredRest: with the rest, what is kept has the shares that the teacher gives it, and what is left out has evenly
// what the teacher gives all of it.
func TestStoredRest(t *testing.T) {
	r := taughtRun(t)
	shares := func(o StoreOptions) []float32 {
		o.Whole = true
		run := storedRun(t, r, o)
		logits, err := run.Stored.of(&batch{epoch: 1, rows: make([]int, 6)}, 6)
		if err != nil {
			t.Fatal(err)
		}
		program, err := run.Engine.Compile("stored labels", softened(run.Protocol.Temperature), nil)
		if err != nil {
			t.Fatal(err)
		}
		out, err := program.Run1(logits)
		if err != nil {
			t.Fatal(err)
		}
		return flat(out)
	}
	all := shares(StoreOptions{})
	for top := 1; top <= 2; top++ {
		got := shares(StoreOptions{Top: top, Rest: true})
		for lo := 0; lo < len(all); lo += 3 {
			want := slices.Clone(all[lo : lo+3])
			left := []int{0, 1, 2}
			slices.SortStableFunc(left, func(a, b int) int { return cmp.Compare(want[b], want[a]) })
			sum := float32(0)
			for _, class := range left[top:] {
				sum += want[class]
			}
			for _, class := range left[top:] {
				want[class] = sum / float32(3-top)
			}
			for j, v := range got[lo : lo+3] {
				if math.Abs(float64(v-want[j])) > 1e-6 {
					t.Errorf("%d kept, image %d: class %d has %v, want %v", top, lo/3, j, v, want[j])
				}
			}
		}
	}
	other := storedRun(t, r, StoreOptions{Top: 1, Rest: true})
	do(t, other)
	other.Protocol.Temperature = 5
	if _, err := other.Do(t.Context()); !errors.Is(err, ErrStored) || !strings.Contains(err.Error(), "temperature 4") {
		t.Errorf("another temperature: %v", err)
	}
}

// TestOpenStoredRefused: another file is named as one.
func TestOpenStoredRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.safetensors")
	f, err := os.Create(path)
	if err == nil {
		err = errors.Join(weights.Write(f, []weights.Tensor{weights.F32("x", []int{1}, []float32{1})}, nil), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenStored(t.Context(), path); !errors.Is(err, ErrStored) {
		t.Errorf("got %v, want ErrStored", err)
	}
}
