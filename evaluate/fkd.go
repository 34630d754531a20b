package evaluate

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/stage/atomicfile"
)

// fkd are stored labels of FKD (Shen and Xing 2022, arXiv:2112.01528) as the programs of SRe2L's family write them
// (VILA-Lab/SRe2L, relabel/generate_soft_label.py and utils_fkd.py):
//
//	DIR/epoch_E/batch_B.tar   torch.save of [coords, flips, index, λ, box, logits] of a batch of n images
//
//	coords  [n, 4] F32         top, left, height and width of the crop, as parts of the image's height and width
//	flips   [n] BOOL           mirrored after the crop
//	index   [n] I64, or None   the image that each is mixed with
//	λ       float, or None     of Beta; the share of the first image where whole images are mixed (MixUp)
//	box     4 numbers, or None first row and column, last row and column + 1 of what is the other image's (CutMix)
//	logits  [n, K] F16 or F32  the teacher's, of the mixed image; K in ImageFolder's order of the classes
//
// Images are counted as ImageFolder does: by the names of the classes, then of the files. Which ones a batch has is not
// stored: each epoch has the next permutation of PyTorch's generator with seed 42 (--fkd-seed). Since PyTorch's
// RandomSampler draws a second one at the end of an epoch, and older versions did not, both are tried against the
// labels.
type fkd struct {
	dir    string
	names  []string // of the batches' files of each epoch
	epochs int
	n      int  // images
	batch  int  // of a batch, but the last
	k      int  // logits of an image
	top    bool // the largest of all, with their classes

	pool *fkdPool // not nil: of pruned labels, in the place of names, epochs and order

	rows    []int // of the data, by ImageFolder's count
	columns []int // of the logits, of each class of the data
	draws   int   // permutations of an epoch, 1 or 2

	generator *mersenne
	drawn     int // epochs that the generator has given
	order     []int
	at        *fkdBatch
	file      string // that at is of
}

// fkdSeed is that of the programs, --fkd-seed.
const fkdSeed = 42

// fkdTeacher stands for the name of the net, which the files do not say.
const fkdTeacher = "teacher without a name"

// openFKD looks at a folder, and reads the first epoch.
func openFKD(ctx context.Context, dir string) (*Stored, error) {
	f := &fkd{dir: dir}
	pool, err := openPool(ctx, dir)
	if err != nil {
		return nil, err
	}
	if pool != nil {
		return f.ofPool(ctx, pool)
	}
	files, err := atomicfile.List(ctx, dir)
	if err != nil {
		return nil, err
	}
	number := map[string]int{}
	epochs := map[string]bool{}
	for _, file := range files {
		epoch, name := path.Split(file)
		epochs[epoch] = true
		digits, ok := strings.CutPrefix(name, "batch_")
		digits = strings.TrimSuffix(digits, path.Ext(digits))
		if n, err := strconv.Atoi(digits); ok && err == nil && epoch == "epoch_0/" {
			f.names, number[name] = append(f.names, name), n
		}
	}
	for epochs[fmt.Sprintf("epoch_%d/", f.epochs)] {
		f.epochs++
	}
	slices.SortFunc(f.names, func(a, b string) int { return cmp.Compare(number[a], number[b]) })
	for i, name := range f.names {
		if number[name] != i {
			return nil, fmt.Errorf("%q: %w: its batches are not 0, 1, …: %q stands for number %d", f.epochDir(0),
				ErrStored, name, i)
		}
		b, err := readFKD(filepath.Join(f.epochDir(0), name))
		if err != nil {
			return nil, err
		}
		if i == 0 {
			f.batch, f.k, f.top = b.n, b.k, b.classes != nil
		} else if b.k != f.k || b.n > f.batch || b.n < f.batch && i < len(f.names)-1 {
			return nil, fmt.Errorf("%q: %w: batch %d has %d images of %d classes, the first %d of %d", dir, ErrStored,
				i, b.n, b.k, f.batch, f.k)
		}
		f.n += b.n
	}
	if f.n == 0 {
		return nil, fmt.Errorf("%q: %w: no files batch_0.tar, …", f.epochDir(0), ErrStored)
	}
	id, err := f.id(ctx)
	if err != nil {
		return nil, err
	}
	return f.stored(id), nil
}

func (f *fkd) stored(id string) *Stored {
	return &Stored{ID: id, fkd: f, facts: storedFacts{Epochs: f.epochs, Top: f.k, Teacher: TeacherFacts{SHA256: id,
		Net: fkdTeacher, Outputs: f.k, Order: "its folders"}}}
}

// ofPool are the labels of a pool.
func (f *fkd) ofPool(ctx context.Context, pool *fkdPool) (*Stored, error) {
	first, err := readFKD(pool.batches[0].file)
	if err != nil {
		return nil, err
	}
	f.pool, f.batch, f.k, f.top = pool, first.n, first.k, first.classes != nil
	h := sha256.New()
	for _, b := range pool.batches {
		fmt.Fprintln(h, b.images)
		if err := hashFile(ctx, h, b.file); err != nil {
			return nil, err
		}
	}
	return f.stored(hex.EncodeToString(h.Sum(nil))), nil
}

// hashFile adds the content of a file to a hash.
func hashFile(ctx context.Context, h io.Writer, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	file, err := atomicfile.Open(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(h, file)
	return errors.Join(err, file.Close())
}

// fileOf names the file of a step.
func (f *fkd) fileOf(epoch, index int) string {
	if f.pool != nil {
		return f.pool.at(epoch, index).file
	}
	return filepath.Join(f.epochDir(epoch), f.names[index])
}

// steps is the number of batches of an epoch.
func (f *fkd) steps() int {
	if f.pool != nil {
		return f.pool.each
	}
	return len(f.names)
}

func (f *fkd) epochDir(epoch int) string { return filepath.Join(f.dir, fmt.Sprintf("epoch_%d", epoch)) }

// id is the hash of all files.
func (f *fkd) id(ctx context.Context) (string, error) {
	h := sha256.New()
	for epoch := range f.epochs {
		for _, name := range f.names {
			fmt.Fprintf(h, "%d %s\n", epoch, name)
			if err := hashFile(ctx, h, filepath.Join(f.epochDir(epoch), name)); err != nil {
				return "", fmt.Errorf("%w: epoch %d has other batches than epoch 0: %w", ErrStored, epoch, err)
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// check holds the labels against a run, and finds how many permutations of an epoch make them right.
func (f *fkd) check(ctx context.Context, r *Run) error {
	p := r.Protocol
	switch {
	case f.pool != nil:
	case f.epochs < p.Epochs:
		return fmt.Errorf("%w: they are of %d epochs, want %d: --epochs %d takes those", ErrStored, f.epochs, p.Epochs,
			f.epochs)
	case f.n != r.Train.Len():
		return fmt.Errorf("%w: they are of %d images, want %d", ErrStored, f.n, r.Train.Len())
	}
	switch {
	case f.batch != min(p.Batch, r.Train.Len()):
		return fmt.Errorf("%w: they are of batches of %d, want %d: --batch %d takes those", ErrStored, f.batch, p.Batch,
			f.batch)
	case f.k > len(r.Train.Classes) || f.k < len(r.Train.Classes) && !f.top:
		return fmt.Errorf("%w: they are of %d classes, want %d", ErrStored, f.k, len(r.Train.Classes))
	}
	best := 0.0
	var right fkd
	f.arrange(r.Train)
	if f.pool != nil {
		if err := f.pool.prepare(r); err != nil {
			return err
		}
	}
	for _, draws := range []int{2, 1} {
		f.draws, f.generator = draws, nil
		share, err := f.agreement(ctx, r)
		if err != nil {
			return err
		}
		if share > best {
			best, right = share, *f
		}
	}
	chance := 1 / float64(len(r.Train.Classes))
	if bound := min(3*chance, chance+(1-chance)/4); best < bound {
		why := fmt.Sprintf("they are of other images, or the order of these was drawn from another seed than %d",
			fkdSeed)
		if f.pool != nil {
			why = "they are of other images than the numbers beside them say"
		}
		return fmt.Errorf("%w: their largest logits are the classes of %.1f %% of the images, want %.1f %% at least: "+
			"%s", ErrStored, 100*best, 100*bound, why)
	}
	*f = right
	f.generator = nil
	return nil
}

// arrange counts the images and classes as ImageFolder does: by the names of the folders.
func (f *fkd) arrange(d *Data) {
	classes := make([]int, len(d.Classes))
	for i := range classes {
		classes[i] = i
	}
	slices.SortStableFunc(classes, func(a, b int) int {
		return cmp.Compare(d.set.Folder(d.Classes[a]), d.set.Folder(d.Classes[b]))
	})
	f.rows, f.columns = nil, make([]int, len(classes))
	for column, class := range classes {
		f.columns[class] = column
		for row, label := range d.Labels {
			if int(label) == class {
				f.rows = append(f.rows, row)
			}
		}
	}
}

// agreement is the share of the images in the first two epochs whose largest logit is that of the class which most of
// the mixture is of.
func (f *fkd) agreement(ctx context.Context, r *Run) (float64, error) {
	same, all := 0, 0
	for epoch := range min(2, r.Protocol.Epochs) {
		rows := f.epochRows(epoch)
		for i := range f.steps() {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			b, err := f.read(epoch, i)
			if err != nil {
				return 0, err
			}
			mine := rows[i*f.batch:][:b.n]
			mix := b.mix(r.Protocol.Size)
			for j, row := range mine {
				if mix.Kept < 0.5 {
					row = mine[mix.Permutation[j]]
				}
				if b.largest(j) == f.columns[r.Train.Labels[row]] {
					same++
				}
				all++
			}
		}
	}
	return float64(same) / float64(all), nil
}

// epochRows are the rows of the data in the order of an epoch.
func (f *fkd) epochRows(epoch int) []int {
	if f.pool != nil {
		var rows []int
		for index := range f.pool.each {
			for _, image := range f.pool.at(epoch, index).images {
				rows = append(rows, f.rows[image])
			}
		}
		return rows
	}
	if f.generator == nil || epoch < f.drawn-1 {
		f.generator, f.drawn = newMersenne(fkdSeed), 0
	}
	for f.drawn <= epoch {
		order := f.generator.perm(f.n)
		for range f.draws - 1 {
			f.generator.perm(f.n)
		}
		f.drawn++
		f.order = make([]int, f.n)
		for i, image := range order {
			f.order[i] = f.rows[image]
		}
	}
	return f.order
}

// read reads a batch.
func (f *fkd) read(epoch, index int) (*fkdBatch, error) {
	file := f.fileOf(epoch, index)
	if file == f.file {
		return f.at, nil
	}
	want := f.batch
	if f.pool == nil {
		want = min(want, f.n-index*f.batch)
	}
	b, err := readFKD(file)
	if err == nil && (b.k != f.k || b.n != want || f.top != (b.classes != nil)) {
		err = fmt.Errorf("%q: %w: %d images of %d classes, want %d of %d", file, ErrStored, b.n, b.k, want, f.k)
	}
	if err == nil && f.top && slices.Max(b.classes) >= len(f.columns) {
		err = fmt.Errorf("%q: %w: a logit is of class %d, want below %d", file, ErrStored, slices.Max(b.classes),
			len(f.columns))
	}
	if err != nil {
		return nil, err
	}
	f.at, f.file = b, file
	return b, nil
}

// fill makes the images of a batch as they were when the teacher saw them.
func (f *fkd) fill(ctx context.Context, t *training, b *batch) (*batch, error) {
	stored, err := readFKD(f.fileOf(b.epoch, b.index)) // ahead of the labels, by others
	if err != nil {
		return nil, err
	}
	if stored.n != len(b.rows) {
		return nil, fmt.Errorf("%w: epoch %d, batch %d has %d images, want %d", ErrStored, b.epoch, b.index, stored.n,
			len(b.rows))
	}
	p := t.Protocol
	size := 3 * p.Size * p.Size
	b.x = make([]float32, len(b.rows)*size)
	err = each(ctx, len(b.rows), func(ctx context.Context, i int) error {
		im, err := t.Train.Image(ctx, b.rows[i])
		if err == nil {
			err = p.Augment.exact(b.x[i*size:(i+1)*size], im, p.Size, stored.box(i, im.W, im.H), stored.flips[i])
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	mix := stored.mix(p.Size)
	stored.apply(b.x, mix, p.Size)
	t.label(b, mix)
	return b, nil
}

// of returns the logits [n, K] of a batch in the order of the data's classes.
func (f *fkd) of(b *batch) (*tensors.Tensor, error) {
	stored, err := f.read(b.epoch, b.index)
	if err != nil {
		return nil, err
	}
	out := make([]float32, 0, stored.n*len(f.columns))
	for i := range stored.n {
		row := stored.row(i, len(f.columns))
		for _, column := range f.columns {
			out = append(out, row[column])
		}
	}
	return tensors.FromFlatDataAndDimensions(out, stored.n, len(f.columns)), nil
}
