package evaluate

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fill returns a batch of a run with its images.
func filled(t *testing.T, r *Run, b *batch) *batch {
	t.Helper()
	w := &training{Run: r, counts: r.Train.weights()}
	b, err := w.fill(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// poolRun is a checked run with pruned labels.
func poolRun(t *testing.T, dir string, epochs int) *Run {
	t.Helper()
	r := fkdRun(t, dir, epochs)
	if err := r.Stored.check(t.Context(), r); err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	return r
}

// TestPool: files that PyTorch wrote by the rules of LPLD's and LPQLD's programs give the images and labels that the
// whole ones give for the same batches, in their order while there are enough.
func TestPool(t *testing.T) {
	whole := poolRun(t, "testdata/fkd", 3)
	want := map[int]*batch{}
	for b := range whole.plans(0) {
		if b.index == 0 {
			want[b.epoch] = filled(t, whole, b)
		}
	}
	for dir, epochs := range map[string]int{"testdata/lpld": 2, "testdata/lpqld": 3} {
		r := poolRun(t, dir, epochs)
		seen := 0
		for b := range r.plans(0) {
			b = filled(t, r, b)
			w := want[b.epoch]
			seen++
			// half precision moves a crop of 16 pixels by at most 2^-11 of them, which is rounded away
			if !slices.Equal(b.rows, w.rows) || !slices.Equal(b.x, w.x) || !slices.Equal(b.labels, w.labels) {
				t.Errorf("%s, epoch %d: other images than those of the whole labels", dir, b.epoch)
			}
			logits, err := r.Stored.of(b, 0)
			if err != nil {
				t.Fatal(err)
			}
			for i, label := range b.labels {
				row := flat(logits)[3*i:][:3]
				var wantRow []float32
				switch dir {
				case "testdata/lpld":
					wantRow = []float32{0, 0, 0}
					wantRow[label] = 4
				default: // the smallest of 0.25, 0.5 and 0.75 is not kept, or the next one where that is the class
					wantRow = []float32{absent, 0.5, 0.75}
					wantRow[label] = 4 + 0.25*float32(label+1)
					if label == 0 {
						wantRow[1] = absent
					}
				}
				if !slices.Equal(row, wantRow) {
					t.Errorf("%s, epoch %d: image %d of class %d has the logits %v, want %v", dir, b.epoch, i, label,
						row, wantRow)
				}
			}
		}
		if seen != epochs {
			t.Errorf("%s: %d batches, want one of each of %d epochs", dir, seen, epochs)
		}
		if score := do(t, r); score.Steps != epochs || math.IsNaN(score.Last) {
			t.Errorf("%s: a training of %d steps, accuracy %v", dir, score.Steps, score.Last)
		}
	}
}

// TestPoolDrawn: a training that is longer than the pool draws from it, each seed for itself.
func TestPoolDrawn(t *testing.T) {
	const epochs = 30
	drawn := map[uint64][]string{}
	for seed := range uint64(2) {
		for range 2 {
			r := fkdRun(t, "testdata/lpqld", epochs)
			r.Seed = seed
			if err := r.Stored.check(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			var files []string
			for b := range r.plans(0) {
				files = append(files, r.Stored.fkd.fileOf(b.epoch, b.index))
			}
			if drawn[seed] != nil && !slices.Equal(drawn[seed], files) {
				t.Errorf("seed %d draws %q and %q", seed, drawn[seed], files)
			}
			drawn[seed] = files
		}
	}
	if slices.Equal(drawn[0], drawn[1]) {
		t.Error("both seeds draw the same")
	}
	if all := slices.Compact(slices.Sorted(slices.Values(drawn[0]))); len(drawn[0]) != epochs || len(all) != 3 {
		t.Errorf("%d draws of %q, want %d of all three", len(drawn[0]), all, epochs)
	}
}

// TestPoolRefused: pools that do not fit say so.
func TestPoolRefused(t *testing.T) {
	for want, c := range map[string]struct{ file, text string }{
		"want the numbers of images by epoch or batch": {poolOfBatches, `[1, 2]`},
		`it has no images of "batch_1.tar"`:            {poolOfBatches, `{"0": [0, 1, 2, 3]}`},
		"there are no full batches beside it":          {poolOfEpochs, `{"0": [0, 1, 2, 3]}`},
		"is of image 6, want numbers below 6": {poolOfBatches,
			`{"0": [0, 1, 2, 6], "1": [0, 1, 2, 3], "2": [0, 1, 2, 3]}`},
		"want 50.0 % at least: they are of other images than the numbers beside them say": {poolOfBatches,
			`{"0": [5, 4, 1, 0], "1": [5, 4, 3, 2], "2": [1, 0, 3, 2]}`},
	} {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS("testdata/lpqld")); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Remove(filepath.Join(dir, poolOfBatches)),
			os.WriteFile(filepath.Join(dir, c.file), []byte(c.text), 0o666)); err != nil {
			t.Fatal(err)
		}
		stored, err := openFKD(t.Context(), dir)
		if err == nil {
			r := fkdRun(t, "testdata/lpqld", 3)
			r.Stored = stored
			err = stored.check(t.Context(), r)
		}
		if !errors.Is(err, ErrStored) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

// FuzzPool: numbers and a batch are a pool whose batches can all be read, or an [ErrStored].
func FuzzPool(f *testing.F) {
	for _, dir := range []string{"lpqld", "lpld/epoch_0"} {
		batch, err := os.ReadFile(filepath.Join("testdata", dir, "batch_0.tar"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(`{"0": [0, 3, 2, 4]}`), batch)
		f.Add([]byte(`{"0": [0, 3, 2]}`), batch)
	}
	f.Fuzz(func(t *testing.T, numbers, batch []byte) {
		dir := t.TempDir()
		if err := errors.Join(os.WriteFile(filepath.Join(dir, poolOfBatches), numbers, 0o666),
			os.WriteFile(filepath.Join(dir, "batch_0.tar"), batch, 0o666)); err != nil {
			t.Fatal(err)
		}
		r := fkdRun(t, "testdata/lpqld", 1)
		stored, err := OpenStored(t.Context(), dir)
		if err == nil {
			r.Stored = stored
			err = stored.check(t.Context(), r)
		}
		if err != nil {
			if !errors.Is(err, ErrStored) {
				t.Errorf("%v, want %v", err, ErrStored)
			}
			return
		}
		for b := range r.plans(0) {
			filled(t, r, b)
			if _, err := stored.of(b, 0); err != nil {
				t.Errorf("a checked batch: %v", err)
			}
		}
	})
}
