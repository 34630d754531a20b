package evaluate

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"mgd3/rng"
	"mgd3/stage/atomicfile"
)

// fkdPool are pruned labels of FKD, as the programs of LPLD (Xiao and He 2024, arXiv:2410.15919) and LPQLD write them:
// a part of the batches of a training, with the images of each in a file of JSON beside them.
//
//	LPLD   DIR/epoch_E/batch_B.tar, DIR/sampler_indices_epoch.json: {"E": [the images of all batches of epoch E]}
//	LPQLD  DIR/batch_B.tar, DIR/sampler_indices_batch.json: {"B": [the images of batch B]}
//
// Batches that are not full were not written, or are not taken. An epoch has as many batches as the images fill. While
// there are enough for all epochs they are taken in their order; else each is drawn from the pool, with replacement, as
// those programs do, from the stream "pool".
type fkdPool struct {
	batches []pooled
	each    int // batches of an epoch
	enough  bool
	seed    uint64
}

// pooled is a stored batch.
type pooled struct {
	file   string
	images []int // by ImageFolder's count
}

const (
	poolOfEpochs  = "sampler_indices_epoch.json"
	poolOfBatches = "sampler_indices_batch.json"
)

// openPool returns the pool in a folder, nil if it has none.
func openPool(ctx context.Context, dir string) (*fkdPool, error) {
	for _, name := range []string{poolOfEpochs, poolOfBatches} {
		indices := filepath.Join(dir, name)
		there, err := atomicfile.Exists(indices)
		if err != nil {
			return nil, err
		}
		if !there {
			continue
		}
		p, err := readPool(ctx, dir, indices, name == poolOfEpochs)
		if err != nil {
			return nil, fmt.Errorf("%q: %w: %w", indices, ErrStored, err)
		}
		return p, nil
	}
	return nil, nil
}

func readPool(ctx context.Context, dir, indices string, epochs bool) (*fkdPool, error) {
	f, err := atomicfile.Open(indices)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(f)
	if err := cmp.Or(err, f.Close()); err != nil {
		return nil, err
	}
	var images map[string][]int
	if err := json.Unmarshal(text, &images); err != nil {
		return nil, fmt.Errorf("want the numbers of images by epoch or batch: %w", err)
	}
	files, err := atomicfile.List(ctx, dir)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(files, func(a, b string) int { return slices.Compare(numbersIn(a), numbersIn(b)) })
	p, size := &fkdPool{}, 0
	left := map[string][]int{} // images of an epoch that are of later batches
	for _, file := range files {
		epoch, name := path.Split(file)
		if !strings.HasPrefix(name, "batch_") || epochs != strings.HasPrefix(epoch, "epoch_") {
			continue
		}
		of := numbersIn(file)
		if len(of) == 0 {
			return nil, fmt.Errorf("%q has no number", file)
		}
		key := strconv.Itoa(of[0])
		if size == 0 { // all full batches have the size of the first one
			b, err := readFKD(filepath.Join(dir, file))
			if err != nil {
				return nil, err
			}
			size = b.n
		}
		if _, ok := left[key]; !ok {
			left[key] = images[key]
		}
		if len(left[key]) == 0 {
			return nil, fmt.Errorf("it has no images of %q", file)
		}
		n := min(size, len(left[key]))
		if n == size {
			p.batches = append(p.batches, pooled{filepath.Join(dir, file), left[key][:n]})
		}
		left[key] = left[key][n:]
	}
	if len(p.batches) == 0 {
		return nil, fmt.Errorf("there are no full batches beside it")
	}
	return p, nil
}

// numbersIn returns the whole numbers in a name.
func numbersIn(name string) (list []int) {
	for part := range strings.FieldsFuncSeq(name, func(r rune) bool { return r < '0' || r > '9' }) {
		n, _ := strconv.Atoi(part) // digits; those that are too many come to 0
		list = append(list, n)
	}
	return list
}

// prepare gets the pool ready for a training on so many images, and checks that it can be one on them.
func (p *fkdPool) prepare(r *Run) error {
	size, images := len(p.batches[0].images), r.Train.Len()
	p.each, p.seed = images/size, r.Seed
	if p.each == 0 {
		return fmt.Errorf("%w: they are of batches of %d, of %d images", ErrStored, size, images)
	}
	for _, b := range p.batches {
		if most := slices.Max(b.images); most >= images || slices.Min(b.images) < 0 {
			return fmt.Errorf("%w: %q is of image %d, want numbers below %d", ErrStored, b.file, most, images)
		}
	}
	p.enough = len(p.batches) >= p.each*r.Protocol.Epochs
	return nil
}

// at is the batch of a step.
func (p *fkdPool) at(epoch, index int) pooled {
	if p.enough {
		return p.batches[epoch*p.each+index]
	}
	return p.batches[rng.Stream(p.seed, "pool", uint64(epoch), uint64(index)).IntN(len(p.batches))]
}
