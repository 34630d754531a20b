package evaluate

import (
	"context"
	"errors"

	"mgd3/engine"
	"mgd3/matrix"
)

// confusionOf runs a program of [Logits] on all images as the protocol tests them: how many of each class were taken
// for each class.
func confusionOf(ctx context.Context, e *engine.Engine, net *engine.Program, test *Data, p Protocol) ([][]int, error) {
	size, classes := 3*p.Size*p.Size, len(test.Classes)
	confusion := make([][]int, classes)
	for i := range confusion {
		confusion[i] = make([]int, classes)
	}
	starts := func(yield func(int) bool) {
		for lo := 0; lo < test.Len() && yield(lo); lo += p.TestBatch {
		}
	}
	read := func(ctx context.Context, lo int) (*batch, error) {
		b := &batch{index: lo, x: make([]float32, p.TestBatch*size)} // what the last batch has not stays black
		return b, each(ctx, min(p.TestBatch, test.Len()-lo), func(ctx context.Context, i int) error {
			im, err := test.Image(ctx, lo+i)
			if err == nil {
				p.Augment.Test(b.x[i*size:(i+1)*size], im, p.Size)
			}
			return err
		})
	}
	for b, err := range ahead(ctx, starts, waiting, read) {
		if err != nil {
			return nil, err
		}
		x, err := e.Tensor(b.x, p.TestBatch, 3, p.Size, p.Size)
		if err != nil {
			return nil, err
		}
		logits := make([]float32, p.TestBatch*classes)
		if err := errors.Join(net.Into(logits, x), x.FinalizeAll()); err != nil {
			return nil, err
		}
		for i, label := range test.Labels[b.index:min(test.Len(), b.index+p.TestBatch)] {
			confusion[label][matrix.ArgMax(logits[i*classes:(i+1)*classes])]++
		}
	}
	return confusion, ctx.Err()
}
