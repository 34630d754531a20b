package evaluate

import (
	"context"
	"iter"

	"mgd3/rng"
)

// batch is the images of one step.
type batch struct {
	epoch   int       // from 0
	index   int       // in the epoch
	rows    []int     // of the data
	x       []float32 // [B, 3, S, S]
	targets []float32 // [B, classes]; see CrossEntropy
	labels  []int32   // those with the larger part of each image
}

// steps returns the number of steps of an epoch.
func (r *Run) steps() int {
	if r.Stored != nil && r.Stored.fkd != nil && r.Stored.fkd.pool != nil {
		return r.Stored.fkd.pool.each
	}
	return (r.Train.Len() + r.Protocol.Batch - 1) / r.Protocol.Batch
}

// plans yields all batches from the given step on, still without images.
func (r *Run) plans(first int) iter.Seq[*batch] {
	size := r.Protocol.Batch
	return func(yield func(*batch) bool) {
		for epoch := first / r.steps(); epoch < r.Protocol.Epochs; epoch++ {
			order := r.order(epoch)
			for i := range r.steps() {
				if epoch*r.steps()+i < first {
					continue
				}
				if !yield(&batch{epoch: epoch, index: i, rows: order[i*size : min(len(order), (i+1)*size)]}) {
					return
				}
			}
		}
	}
}

// order is the order of the images in an epoch.
func (r *Run) order(epoch int) []int {
	if r.Stored != nil && r.Stored.fkd != nil {
		return r.Stored.fkd.epochRows(epoch)
	}
	return rng.Stream(r.Seed, "order", uint64(epoch)).Perm(r.Train.Len())
}

// fill reads, augments and mixes the images of a batch.
func (t *training) fill(ctx context.Context, b *batch) (*batch, error) {
	if t.Stored != nil && t.Stored.fkd != nil {
		return t.Stored.fkd.fill(ctx, t, b)
	}
	p, size := t.Protocol, 3*t.Protocol.Size*t.Protocol.Size
	b.x = make([]float32, len(b.rows)*size)
	err := each(ctx, len(b.rows), func(ctx context.Context, i int) error {
		im, err := t.Train.Image(ctx, b.rows[i])
		if err == nil {
			p.Augment.Apply(b.x[i*size:(i+1)*size], im, p.Size, rng.Stream(t.Seed, "augment", uint64(b.epoch),
				uint64(b.rows[i])))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if p.DSA != (DSA{}) {
		t.augmentBatch(b)
	}
	mix := Mix{Kept: 1, Permutation: make([]int, len(b.rows))}
	if r := rng.Stream(t.Seed, "cutmix", uint64(b.epoch), uint64(b.index)); r.Float64() < p.CutMix {
		mix = CutMix(b.x, [4]int{len(b.rows), 3, p.Size, p.Size}, r)
	}
	t.label(b, mix)
	return b, nil
}

// label sets the targets of a batch: the kept part of each image has its label, the other part that of the image
// it is from, each with the weight of its image.
func (t *training) label(b *batch, mix Mix) {
	classes := len(t.Train.Classes)
	b.targets, b.labels = make([]float32, len(b.rows)*classes), make([]int32, len(b.rows))
	for i, row := range b.rows {
		other := b.rows[mix.Permutation[i]]
		target := b.targets[i*classes : (i+1)*classes]
		t.say(target, row, float32(mix.Kept)*t.counts[row])
		t.say(target, other, float32(1-mix.Kept)*t.counts[other])
		b.labels[i] = t.Train.Labels[row]
		if mix.Kept < 0.5 {
			b.labels[i] = t.Train.Labels[other]
		}
	}
}

// say adds what is said of an image to a target, as the given part of it.
func (t *training) say(target []float32, row int, part float32) {
	if t.Train.Soft == nil {
		target[t.Train.Labels[row]] += part
		return
	}
	for class, share := range t.Train.Soft[row*len(target) : (row+1)*len(target)] {
		target[class] += part * share
	}
}

// augmentBatch applies what DSA draws for a batch to all its images.
func (t *training) augmentBatch(b *batch) {
	p, size := t.Protocol, 3*t.Protocol.Size*t.Protocol.Size
	strategy := p.DSA.strategy(rng.Stream(t.Seed, "dsa", uint64(b.epoch), uint64(b.index)))
	for i, row := range b.rows {
		strategy(p.DSA, b.x[i*size:(i+1)*size], p.Size, rng.Stream(t.Seed, "dsa-image", uint64(b.epoch), uint64(row)))
	}
}
