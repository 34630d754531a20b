package evaluate

import (
	"context"
	"iter"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// ahead yields do(plan) for all plans, in their order, while the next width of them are being made. The first error
// is the last that it yields. No goroutine outlives the loop.
func ahead[P, T any](ctx context.Context, plans iter.Seq[P], width int,
	do func(context.Context, P) (T, error)) iter.Seq2[T, error] {
	type result struct {
		value T
		err   error
	}
	return func(yield func(T, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		next, stop := iter.Pull(plans)
		var queue []chan result
		defer func() {
			stop()
			cancel()
			for _, place := range queue {
				<-place
			}
		}()
		start := func() {
			if plan, ok := next(); ok {
				place := make(chan result, 1)
				queue = append(queue, place)
				go func() {
					value, err := do(ctx, plan)
					place <- result{value, err}
				}()
			}
		}
		for range width {
			start()
		}
		for len(queue) > 0 {
			r := <-queue[0]
			queue = queue[1:]
			if !yield(r.value, r.err) || r.err != nil {
				return
			}
			start()
		}
	}
}

// each calls f for 0 to n-1, as many at a time as there are processors, until one fails or ctx ends.
func each(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return f(ctx, i)
		})
	}
	return group.Wait()
}
