package engine

import (
	"context"
	"errors"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"mgd3/cpu"
)

// Each calls f for the rows 0 to n-1 in pieces of at most batch rows, such that the result for a
// row does not depend on batch. A backend whose bytes of one row are the same whatever the rows beside it
// gets whole batches, one after the other. The others (the portable one chooses the order of its sums by the
// size of the whole product) get one row at a time, and batch calls run side by side, as many as there are
// processors.
//
// The first error, or the end of ctx, stops it; f is not called any more then.
func (e *Engine) Each(ctx context.Context, n, batch int, f func(ctx context.Context, lo, hi int) error) error {
	if e.independentRows() {
		for lo := 0; lo < n; lo += max(1, batch) {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := f(ctx, lo, min(n, lo+max(1, batch))); err != nil {
				return err
			}
		}
		return ctx.Err()
	}
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(max(1, min(batch, runtime.GOMAXPROCS(0))))
	for row := range n {
		if inner.Err() != nil {
			break
		}
		group.Go(func() error {
			if err := inner.Err(); err != nil {
				return err
			}
			return f(inner, row, row+1)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// EachFilled is [Engine.Each] for work that may depend on batch, but on nothing else that is done beside it. f does
// the rows lo to hi-1 in graphs of so many rows, which it has from [Fill]:
//
//	cpu               hi-lo: bytes do not depend on batch
//	xla, e.FixedRows  batch, always: one compiled graph, and bytes that depend on batch, not on how the rows are cut
//	                  into calls
//	the others        1: bytes do not depend on batch
func (e *Engine) EachFilled(ctx context.Context, n, batch int, f func(ctx context.Context, lo, hi,
	rows int) error) error {
	if !e.FixedRows || batch <= 1 {
		return e.Each(ctx, n, batch, func(ctx context.Context, lo, hi int) error { return f(ctx, lo, hi, hi-lo) })
	}
	for lo := 0; lo < n; lo += batch {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f(ctx, lo, min(n, lo+batch), batch); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// GraphRows returns how many rows the graphs of [Engine.EachFilled] have where all n of them are there at once.
func (e *Engine) GraphRows(n, batch int) int {
	switch {
	case e.FixedRows && batch > 1:
		return batch
	case e.independentRows():
		return max(1, min(n, batch))
	}
	return 1
}

// Rows is [Engine.EachFilled] for n rows of numbers: f makes of rows of in [n, …] as many of out [n, …]. As there, f
// may be called from several goroutines at once, for different rows.
func (e *Engine) Rows(ctx context.Context, out, in []float32, n, batch int, f func(out, in []float32) error) error {
	if n == 0 {
		return ctx.Err()
	}
	to, from := len(out)/n, len(in)/n
	return e.EachFilled(ctx, n, batch, func(_ context.Context, lo, hi, rows int) error {
		if rows == hi-lo {
			return f(out[lo*to:hi*to], in[lo*from:hi*from])
		}
		all, filled := make([]float32, rows*to), make([]float32, rows*from)
		for row := range rows {
			copy(filled[row*from:(row+1)*from], in[min(lo+row, hi-1)*from:])
		}
		err := f(all, filled)
		copy(out[lo*to:hi*to], all)
		return err
	})
}

// Fill returns a list of so many rows: those given, which are at least one and at most as many, and then the last of
// them again.
func Fill[T any](list []T, rows int) []T {
	filled := make([]T, rows)
	for i := copy(filled, list); i < rows; i++ {
		filled[i] = list[len(list)-1]
	}
	return filled
}

// independentRows reports whether the backend promises that the bytes of a row do not depend on the
// rows beside it.
func (e *Engine) independentRows() bool {
	_, ours := e.backend.(*cpu.Backend)
	return ours
}

// ErrMemory says that the device has too little memory for what it was given.
var ErrMemory = errors.New("the device is out of memory")

// OutOfMemory reports whether err means that the device has too little memory: an [ErrMemory], or what PJRT says of
// it, which comes as text. It may come when results are fetched, long after the call that was too large.
func OutOfMemory(err error) bool {
	if err == nil || errors.Is(err, ErrMemory) {
		return err != nil
	}
	text := err.Error()
	return strings.Contains(text, "RESOURCE_EXHAUSTED") || strings.Contains(text, "PJRT error (code=8)") ||
		strings.Contains(strings.ToLower(text), "out of memory")
}
