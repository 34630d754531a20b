package evaluate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"mgd3/rng"
	"mgd3/stage/atomicfile"
	"mgd3/weights"
)

// StoreFKD writes the logits of the run's teacher as SRe2L's programs do and read them, see fkd: all of them, in half
// precision or, whole, in float32. The order of the images is theirs, crops, flips and mixtures are the run's streams.
// dir must not have files; those of a run that was interrupted are fewer epochs, which who reads them says.
func (r *Run) StoreFKD(ctx context.Context, dir string, whole bool) (bytes int64, err error) {
	p, a := r.Protocol, r.Protocol.Augment
	switch {
	case r.Teacher == nil:
		return 0, errors.New("labels are stored of a teacher, want one")
	case a.Shuffle > 1 || a.Jitter != (Jitter{}) || a.Lighting > 0 || a.Pad > 0 || p.DSA != (DSA{}) || p.Whiten ||
		p.CutMix != 0 && p.CutMix != 1:
		return 0, fmt.Errorf("protocol %s has changes of images that FKD's files do not hold, which are crops, flips "+
			"and CutMix of all batches: want sre2l or soft-f1", p.Name)
	case !slices.IsSorted(r.Train.Classes):
		return 0, errors.New("FKD's programs count classes in byte order, want a set whose classes are in it")
	}
	if err := r.check(); err != nil {
		return 0, err
	}
	if files, err := atomicfile.List(ctx, dir); err == nil && len(files) > 0 {
		return 0, fmt.Errorf("%q: %w: it has files, want another folder or none", dir, fs.ErrExist)
	}
	program, err := r.Engine.Compile("teacher's logits", Logits(r.Teacher.Net), r.Teacher.Weights)
	if err != nil {
		return 0, err
	}
	f := &fkd{n: r.Train.Len(), draws: 2, dir: dir}
	f.arrange(r.Train)
	w := &fkdWriter{training: &training{Run: r, counts: r.Train.weights()}, fkd: f, whole: whole}
	w.logits = func(x []float32, n int) ([]float32, error) {
		in, err := r.Engine.Tensor(x, n, 3, p.Size, p.Size)
		if err != nil {
			return nil, err
		}
		out := make([]float32, n*len(r.Train.Classes))
		return out, errors.Join(program.Take(out, in), in.FinalizeAll())
	}
	for epoch := range p.Epochs {
		if err := w.epoch(ctx, epoch); err != nil {
			return 0, err
		}
		if r.Report != nil {
			r.Report(Event{Net: r.Net, Seed: r.Seed, Epoch: epoch + 1, Epochs: p.Epochs})
		}
	}
	return w.bytes, nil
}

// fkdWriter writes the files of a run.
type fkdWriter struct {
	*training
	fkd    *fkd
	whole  bool
	logits func(x []float32, n int) ([]float32, error)
	bytes  int64 // of the logits
}

func (w *fkdWriter) epoch(ctx context.Context, epoch int) error {
	rows := w.fkd.epochRows(epoch)
	index := 0
	for part := range slices.Chunk(rows, w.Protocol.Batch) {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := &batch{epoch: epoch, index: index, rows: part}
		object, err := w.batch(ctx, b)
		if err != nil {
			return err
		}
		name := filepath.Join(w.fkd.epochDir(epoch), fmt.Sprintf("batch_%d.tar", index))
		if err := atomicfile.Write(name, func(to io.Writer) error { return weights.Save(to, object) }); err != nil {
			return err
		}
		index++
	}
	return nil
}

// batch makes the images of a batch, asks the teacher, and returns what is saved.
func (w *fkdWriter) batch(ctx context.Context, b *batch) ([]any, error) {
	p, n := w.Protocol, len(b.rows)
	size := 3 * p.Size * p.Size
	b.x = make([]float32, n*size)
	coords, flips := make([]float32, 4*n), make([]byte, n)
	err := each(ctx, n, func(ctx context.Context, i int) error {
		im, err := w.Train.Image(ctx, b.rows[i])
		if err != nil {
			return err
		}
		r := rng.Stream(w.Seed, "augment", uint64(b.epoch), uint64(b.rows[i]))
		box := p.Augment.crop(im.H, im.W, random{r})
		flip := r.Float64() < p.Augment.Flip
		h, v := float64(im.H), float64(im.W)
		copy(coords[4*i:], []float32{float32(float64(box.Top) / h), float32(float64(box.Left) / v),
			float32(float64(box.Height) / h), float32(float64(box.Width) / v)})
		if flip {
			flips[i] = 1
		}
		return p.Augment.exact(b.x[i*size:(i+1)*size], im, p.Size, box, flip)
	})
	if err != nil {
		return nil, err
	}
	object := []any{weights.F32("coords", []int{n, 4}, coords), weights.Raw("flips", "BOOL", []int{n}, flips), nil, nil,
		nil, nil}
	if p.CutMix == 1 {
		mix := CutMix(b.x, [4]int{n, 3, p.Size, p.Size}, rng.Stream(w.Seed, "cutmix", uint64(b.epoch), uint64(b.index)))
		var index []int64
		for _, place := range mix.Permutation {
			index = append(index, int64(place))
		}
		box := mix.Box
		object[2], object[3] = weights.I64("index", []int{n}, index), mix.Kept
		object[4] = []any{box.Top, box.Left, box.Top + box.Height, box.Left + box.Width}
	}
	logits, err := w.logits(b.x, n)
	if err != nil {
		return nil, err
	}
	k := len(logits) / n
	t := weights.F16("logits", []int{n, k}, logits)
	if w.whole {
		t = weights.F32("logits", []int{n, k}, logits)
	}
	object[5] = t
	w.bytes += int64(len(t.Bytes()))
	return object, nil
}
