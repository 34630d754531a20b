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

	"mgd3/matrix"
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
	n      int // images
	batch  int // of a batch, but the last
	k      int

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
			f.batch, f.k = b.n, b.k
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
	s := &Stored{ID: id, fkd: f}
	s.facts = storedFacts{Epochs: f.epochs, Top: f.k, Teacher: TeacherFacts{SHA256: id, Net: fkdTeacher, Outputs: f.k,
		Order: "its folders"}}
	return s, nil
}

func (f *fkd) epochDir(epoch int) string { return filepath.Join(f.dir, fmt.Sprintf("epoch_%d", epoch)) }

// id is the hash of all files.
func (f *fkd) id(ctx context.Context) (string, error) {
	h := sha256.New()
	for epoch := range f.epochs {
		for _, name := range f.names {
			if err := ctx.Err(); err != nil {
				return "", err
			}
			file, err := atomicfile.Open(filepath.Join(f.epochDir(epoch), name))
			if err != nil {
				return "", fmt.Errorf("%w: epoch %d has other batches than epoch 0: %w", ErrStored, epoch, err)
			}
			fmt.Fprintf(h, "%d %s\n", epoch, name)
			_, err = io.Copy(h, file)
			if err = errors.Join(err, file.Close()); err != nil {
				return "", err
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// check holds the labels against a run, and finds how many permutations of an epoch make them right.
func (f *fkd) check(ctx context.Context, r *Run) error {
	p := r.Protocol
	switch {
	case f.epochs < p.Epochs:
		return fmt.Errorf("%w: they are of %d epochs, want %d: --epochs %d takes those", ErrStored, f.epochs, p.Epochs,
			f.epochs)
	case f.n != r.Train.Len():
		return fmt.Errorf("%w: they are of %d images, want %d", ErrStored, f.n, r.Train.Len())
	case f.batch != min(p.Batch, f.n):
		return fmt.Errorf("%w: they are of batches of %d, want %d: --batch %d takes those", ErrStored, f.batch, p.Batch,
			f.batch)
	case f.k != len(r.Train.Classes):
		return fmt.Errorf("%w: they are of %d classes, want %d", ErrStored, f.k, len(r.Train.Classes))
	}
	best := 0.0
	var right fkd
	f.arrange(r.Train)
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
	chance := 1 / float64(f.k)
	if bound := min(3*chance, chance+(1-chance)/4); best < bound {
		return fmt.Errorf("%w: their largest logits are the classes of %.1f %% of the images, want %.1f %% at least: "+
			"they are of other images, or the order of these was drawn from another seed than %d", ErrStored, 100*best,
			100*bound, fkdSeed)
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
	for epoch := range min(2, f.epochs) {
		rows := f.epochRows(epoch)
		for i := range f.names {
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
				if matrix.ArgMax(b.logits[j*f.k:(j+1)*f.k]) == f.columns[r.Train.Labels[row]] {
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
	file := filepath.Join(f.epochDir(epoch), f.names[index])
	if file == f.file {
		return f.at, nil
	}
	b, err := readFKD(file)
	if err == nil && (b.k != f.k || b.n != min(f.batch, f.n-index*f.batch)) {
		err = fmt.Errorf("%q: %w: %d images of %d classes, want %d of %d", file, ErrStored, b.n, b.k,
			min(f.batch, f.n-index*f.batch), f.k)
	}
	if err != nil {
		return nil, err
	}
	f.at, f.file = b, file
	return b, nil
}

// fill makes the images of a batch as they were when the teacher saw them.
func (f *fkd) fill(ctx context.Context, t *training, b *batch) (*batch, error) {
	stored, err := readFKD(filepath.Join(f.epochDir(b.epoch), f.names[b.index])) // ahead of the labels, by others
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
	out := make([]float32, 0, len(stored.logits))
	for row := range slices.Chunk(stored.logits, f.k) {
		for _, column := range f.columns {
			out = append(out, row[column])
		}
	}
	return tensors.FromFlatDataAndDimensions(out, stored.n, f.k), nil
}
