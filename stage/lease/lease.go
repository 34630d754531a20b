// Package lease is for workers that come and go: each takes the next piece of the work that nobody has, and what a lost
// worker had is taken by another. No server hands the pieces out; a [Store] of small objects does, of which only the
// first put of a name succeeds.
//
//	STAGE-40.1-0007.1      the lease of piece 7 of 40, in the first round
//	STAGE-40.1-0007.2      the lease of the one who took it when the first showed no sign of life
//	STAGE-40.1-0007.done   the piece is done
//	STAGE-40.1.done        all of the round are; whoever comes later begins a second one, which finds all made
//	clock-WORKER           put to learn the store's time
//
// The laws:
//
//   - A lease is only about work that is done twice. Two who have the same piece write the same bytes, whole files at a
//     time. So what a lease is wrong about costs time, and no result.
//   - The holder shows that it lives: it renews its lease four times in its term. A successor is the end of it: who
//     wakes up and finds one leaves the piece alone.
//   - No machine's clock is trusted. A lease has expired when it is older than its term by the store's clock and did
//     not change while its successor watched for half a term; or did not change for a whole one, whatever that clock
//     says. That of a process which has ended on the machine where its successor looks has expired at once: a worker
//     that is started again where another was killed need not wait.
package lease

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"
)

// ErrLost says that another worker has taken over a piece.
var ErrLost = errors.New("another worker has taken over this piece")

// held is a lease that this process has.
type held struct {
	worker    *Worker
	key       string // of the piece, STAGE-40.1-0007
	successor string // the name of a lease that ends this one
	name      string
	cancel    context.CancelCauseFunc

	mu      sync.Mutex
	renewed time.Time // by the machine's monotonic clock, before the store was asked
	lost    bool
}

// heldKey is the key of the lease in a context.
type heldKey struct{}

// Check says [ErrLost] where the work that ctx belongs to has a lease that another worker may have taken. It asks no
// store: a process that was stopped for the term of its lease cannot know.
func Check(ctx context.Context) error {
	h, ok := ctx.Value(heldKey{}).(*held)
	if !ok {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lost || time.Since(h.renewed) >= h.worker.Term {
		return ErrLost
	}
	return nil
}

// take makes the n-th lease of a piece this worker's. It is an [fs.ErrExist] where another was faster. Where the round
// has ended, and its leases may be gone, there is none.
func (w *Worker) take(ctx context.Context, b *board, piece, n int) (*held, error) {
	key := b.key(piece)
	h := &held{worker: w, key: key, name: fmt.Sprintf("%s.%d", key, n), successor: fmt.Sprintf("%s.%d", key, n+1)}
	h.renewed = time.Now()
	// what is gone already was cleared away by who saw the end of the round, which is looked for below
	if _, err := w.Store.Create(ctx, h.name, w.text()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var err error
	if b.over, err = w.Store.Exists(ctx, b.round()+done); err != nil {
		return nil, err
	}
	if b.over {
		return nil, w.Store.Remove(ctx, h.name)
	}
	return h, nil
}

// do does the work of the piece while the lease is renewed, and marks it done. lost says that another has it now.
func (h *held) do(ctx context.Context, work func(context.Context) error) (lost bool, err error) {
	inner, cancel := context.WithCancelCause(context.WithValue(ctx, heldKey{}, h))
	h.cancel = cancel
	renewing := make(chan struct{})
	go func() { defer close(renewing); h.keep(inner) }()
	err = work(inner)
	lost = errors.Is(context.Cause(inner), ErrLost) || Check(inner) != nil
	cancel(nil)
	<-renewing
	late := context.WithoutCancel(ctx)
	switch {
	case err == nil:
		_, err := h.worker.Store.Create(late, h.key+done, h.worker.Name+"\n")
		if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return false, err
	case lost && ctx.Err() == nil:
		return true, nil
	case ctx.Err() != nil: // it was told to stop: the next worker need not wait for the end of the term
		return false, errors.Join(err, h.worker.Store.Remove(late, h.name))
	}
	return false, err // the lease stays for its term, and other workers do other pieces first
}

// keep renews the lease until ctx ends, or tells the work that it is lost.
func (h *held) keep(ctx context.Context) {
	tick := time.NewTicker(h.worker.Term / renewals)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		before := time.Now()
		err := h.renew(ctx)
		h.mu.Lock()
		if err == nil {
			h.renewed = before
		}
		// a store that does not answer for a while is none of the worker's loss
		h.lost = errors.Is(err, ErrLost) || time.Since(h.renewed) >= h.worker.Term
		lost := h.lost
		h.mu.Unlock()
		if lost {
			h.cancel(ErrLost)
			return
		}
	}
}

func (h *held) renew(ctx context.Context) error {
	if there, err := h.worker.Store.Exists(ctx, h.successor); err != nil {
		return err
	} else if there {
		return ErrLost
	}
	_, err := h.worker.Store.Renew(ctx, h.name, h.worker.text())
	if errors.Is(err, fs.ErrNotExist) { // somebody cleared it away
		return ErrLost
	}
	return err
}
