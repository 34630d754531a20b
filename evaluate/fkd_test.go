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

	"mgd3/dataset"
	"mgd3/weights"
)

// TestPerm: permutations are those of torch.randperm, of a generator with seed 42, one after the other (torch 2.15.0).
func TestPerm(t *testing.T) {
	m := newMersenne(42)
	for _, want := range [][]int{{0, 3, 2, 4, 1, 5}, {5, 1, 2, 4, 0, 3}, {1, 5, 10, 0, 3, 9, 6, 2, 8, 4, 7}} {
		if got := m.perm(len(want)); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	if got, want := newMersenne(5489).next(), uint32(3499211612); got != want { // the authors' first number
		t.Errorf("the first number of seed 5489 is %d, want %d", got, want)
	}
	sum := 0
	for i, v := range newMersenne(42).perm(50_000) {
		sum = (sum + (i%1000+1)*v) % 1_000_003
	}
	if sum != 609350 {
		t.Errorf("50,000 numbers come to %d", sum)
	}
}

// fkdImages are those of testdata/fkd.py, of 16 × 16 pixels.
func fkdImages() *dataset.Set {
	const side = 16
	var classes []dataset.Class
	for i := range 6 {
		if i%2 == 0 {
			classes = append(classes, dataset.Class{Name: string(rune('a' + i/2))})
		}
		class := &classes[i/2]
		class.Images = append(class.Images, dataset.Ref{Class: class.Name, Name: fmt.Sprint(i)})
	}
	return dataset.FromValues("fkd", classes, side, side, func(ref dataset.Ref) (*dataset.RGB, error) {
		im := &dataset.RGB{W: side, H: side}
		for y := range side {
			for x := range side {
				for c := range 3 {
					im.Pix = append(im.Pix, byte(int(ref.Name[0]-'0')*37+y*11+x*x*3+c*50+y*x))
				}
			}
		}
		return im, nil
	}, func() error { return nil })
}

// fkdRun is a run on these images with stored labels.
func fkdRun(t *testing.T, dir string, epochs int) *Run {
	t.Helper()
	r := briefRun(t)
	r.Train = newData(t, fkdImages(), DataOptions{Size: 16})
	r.Test = newData(t, fkdImages(), DataOptions{Size: 12})
	p, err := Preset("sre2l", Facts{IPC: 2, Classes: 3, Images: 6, Size: 12, Net: "convnet2"})
	if err == nil {
		p, err = p.With(fmt.Sprintf("epochs=%d", epochs), "batch=4")
	}
	if err != nil {
		t.Fatal(err)
	}
	p.TrainSize = 16
	r.Protocol = p
	if r.Stored, err = OpenStored(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestFKDGolden: files that PyTorch wrote by the rules of SRe2L's programs give the images that their training sees, of
// CutMix and of MixUp, and their labels; a training takes them.
func TestFKDGolden(t *testing.T) {
	tree, err := weights.OpenTree("testdata/fkd.pt")
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	for _, item := range tree.Value.([]weights.Item) {
		dir, epochs := "testdata/fkd", 3
		if item.Key == "mixup" {
			dir, epochs = "testdata/fkd-mixup", 1
		}
		r := fkdRun(t, dir, epochs)
		if err := r.Stored.check(t.Context(), r); err != nil {
			t.Fatalf("%s: %v", item.Key, err)
		}
		w := &training{Run: r, counts: r.Train.weights()}
		seen := 0
		for b := range r.plans(0) {
			if b, err = w.fill(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			want := goldenOf(t, item.Value.([]weights.Item), fmt.Sprintf("%d.%d", b.epoch, b.index))
			seen++
			// PIL rounds to bytes after each of its two passes, which is half a level each; mixtures and the rounded
			// weights of its fixed-point sums add less than the rest of 1.1 levels
			tolerance := 1.1 / 255 / 0.224
			if len(want) != len(b.x) {
				t.Fatalf("%s, epoch %d, batch %d: %d numbers, want %d", item.Key, b.epoch, b.index, len(b.x), len(want))
			}
			worst := 0.0
			for i := range want {
				worst = max(worst, math.Abs(float64(b.x[i]-want[i])))
			}
			if worst > tolerance {
				t.Errorf("%s, epoch %d, batch %d: %v from the golden, want at most %v", item.Key, b.epoch, b.index,
					worst, tolerance)
			}
			logits, err := r.Stored.of(b, 4*b.index)
			if err != nil {
				t.Fatal(err)
			}
			for i, label := range b.labels {
				if v := flat(logits)[3*i:][:3]; v[label] != 4 {
					t.Errorf("%s, epoch %d: image %d of class %d has the logits %v", item.Key, b.epoch, i, label, v)
				}
			}
		}
		if seen != 2*epochs {
			t.Errorf("%s: %d batches, want %d", item.Key, seen, 2*epochs)
		}
		if score := do(t, r); score.Teacher == nil || score.Teacher.Net != fkdTeacher {
			t.Errorf("%s: the teacher is %+v", item.Key, score.Teacher)
		}
	}
}

func goldenOf(t *testing.T, items []weights.Item, key string) []float32 {
	t.Helper()
	for _, item := range items {
		if item.Key == key {
			v, err := item.Value.(weights.Tensor).Float32s()
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("no golden %q", key)
	return nil
}

// TestFKDRefused: labels of another set, batch, or order of classes are named.
func TestFKDRefused(t *testing.T) {
	for want, change := range map[string]func(r *Run){
		"of 3 epochs, want 9":  func(r *Run) { r.Protocol.Epochs = 9 },
		"batches of 4, want 3": func(r *Run) { r.Protocol.Batch = 3 },
		"of 6 images, want 24": func(r *Run) { r.Train = newData(t, drawn("train", 8, 8), DataOptions{Size: 16}) },
	} {
		r := fkdRun(t, "testdata/fkd", 3)
		change(r)
		if err := r.Stored.check(t.Context(), r); !errors.Is(err, ErrStored) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
	turned := t.TempDir() // epochs in another order are as those of another seed
	for epoch := range 3 {
		of := fmt.Sprintf("testdata/fkd/epoch_%d", (epoch+1)%3)
		if err := os.CopyFS(filepath.Join(turned, fmt.Sprintf("epoch_%d", epoch)), os.DirFS(of)); err != nil {
			t.Fatal(err)
		}
	}
	r := fkdRun(t, turned, 3)
	if err := r.Stored.check(t.Context(), r); !errors.Is(err, ErrStored) ||
		!strings.Contains(err.Error(), "another seed") {
		t.Errorf("another order: got %v", err)
	}
	for name, files := range map[string]map[string]any{
		"stands for number 0": {"epoch_0/batch_1.tar": nil},
		"want a list of six":  {"epoch_0/batch_0.tar": []any{1}},
		"no tensor of logits": {"epoch_0/batch_0.tar": []any{nil, nil, nil, nil, nil, nil}},
		"coordinates are 0 numb": {"epoch_0/batch_0.tar": []any{[]any{}, nil, nil, nil, nil,
			weights.F32("", []int{1, 1}, []float32{1})}},
	} {
		dir := t.TempDir()
		for file, object := range files {
			out, err := os.Create(mkdirs(t, filepath.Join(dir, file)))
			if err == nil {
				err = errors.Join(weights.Save(out, object), out.Close())
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := OpenStored(t.Context(), dir); !errors.Is(err, ErrStored) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func mkdirs(t *testing.T, file string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestStoreFKD: what is written is read again: the same images to the bit, the same logits, the same net as from the
// teacher's own words on them; in half precision other files.
func TestStoreFKD(t *testing.T) {
	r := taughtRun(t, "cutmix=1")
	r.Protocol.Augment.Jitter, r.Protocol.Augment.Lighting = Jitter{}, 0
	dir := filepath.Join(t.TempDir(), "labels")
	size, err := r.StoreFKD(t.Context(), dir, true)
	if n := r.Train.Len(); err != nil || size != int64(4*3*n*r.Protocol.Epochs) {
		t.Fatalf("%d bytes of logits, %v", size, err)
	}
	if _, err := r.StoreFKD(t.Context(), dir, true); !errors.Is(err, os.ErrExist) {
		t.Errorf("written over: %v", err)
	}
	stored, err := OpenStored(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	from := *r
	from.Teacher, from.Stored = nil, stored
	if err := stored.fkd.check(t.Context(), &from); err != nil && !strings.Contains(err.Error(), "largest logits") {
		t.Fatal(err) // a teacher that was trained four epochs may be wrong
	}
	stored.fkd.arrange(r.Train)
	stored.fkd.draws, stored.fkd.generator = 2, nil
	w := &training{Run: &from, counts: r.Train.weights()}
	program, err := r.Engine.Compile("teacher's logits", Logits(r.Teacher.Net), r.Teacher.Weights)
	if err != nil {
		t.Fatal(err)
	}
	for b := range from.plans(0) {
		if b, err = w.fill(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		x, err := r.Engine.Tensor(b.x, len(b.rows), 3, r.Protocol.Size, r.Protocol.Size)
		if err != nil {
			t.Fatal(err)
		}
		out := make([]float32, 3*len(b.rows))
		if err := program.Take(out, x); err != nil {
			t.Fatal(err)
		}
		logits, err := stored.of(b, 0)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(out, flat(logits)) {
			t.Errorf("epoch %d, batch %d: the teacher says %v, stored is %v", b.epoch, b.index, out, flat(logits))
		}
		if b.epoch == 1 {
			break
		}
	}
	half := filepath.Join(t.TempDir(), "half")
	if n, err := r.StoreFKD(t.Context(), half, false); err != nil || n != size/2 {
		t.Errorf("half precision: %d bytes, %v, want %d", n, err, size/2)
	}
	shuffled := *r
	shuffled.Protocol.Augment.Shuffle = 2
	if _, err := shuffled.StoreFKD(t.Context(), filepath.Join(t.TempDir(), "x"), false); err == nil {
		t.Error("patches that change places: no error")
	}
}
