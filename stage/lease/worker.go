package lease

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"strings"
	"time"

	"mgd3/internal/process"
	"mgd3/store"
)

// Term is how long a piece may go without a sign of life, unless a worker is told another time: longer than servers of
// files keep the time of a file to themselves.
const Term = 3 * time.Minute

// LeastTerm is the shortest term that a worker may be told where the leases on what is made in dir are: a second, and
// in a bucket [leastInBucket].
func LeastTerm(dir string) time.Duration {
	if store.Is(dir) {
		return leastInBucket
	}
	return time.Second
}

const (
	renewals = 4                      // in a term
	looks    = 16                     // in a term, at most, by a worker who waits
	firstly  = 100 * time.Millisecond // until the first look of one
	clock    = "clock-"               // is how the name of a worker's clock begins
	tries    = 4                      // of pieces that looked free, before another look
)

// Worker is one process of those that share the pieces.
type Worker struct {
	Store Store
	Name  string // of the worker, its own
	Term  time.Duration
	// Waits is told once how many pieces others have, when there is none left to take; may be nil.
	Waits func(pieces int)

	asked bool // for the store's time
}

// Each does pieces of a stage until all are done, here or by others. do does the piece-th and must leave the same bytes
// whoever does it. When its lease is lost, its context ends and its error is passed over. Any other error ends the
// worker; its piece is another's when its term is over.
func (w *Worker) Each(ctx context.Context, stage string, pieces int,
	do func(ctx context.Context, piece int) error) (err error) {
	b, err := w.join(ctx, stage, pieces)
	if err != nil {
		return err
	}
	defer func() {
		if w.asked {
			err = errors.Join(err, w.Store.Remove(context.WithoutCancel(ctx), clock+w.Name))
		}
	}()
	pause, told := min(firstly, w.Term/looks), false
	for {
		h, piece, err := w.next(ctx, b)
		if err != nil {
			return err
		}
		if h != nil {
			pause = min(firstly, w.Term/looks)
			lost, err := h.do(ctx, func(ctx context.Context) error { return do(ctx, piece) })
			if err != nil {
				return err
			}
			if !lost {
				b.done[piece] = true
			}
			continue
		}
		if b.over {
			return w.clear(ctx, b)
		}
		if b.all() {
			return w.end(ctx, b)
		}
		if w.Waits != nil && !told {
			w.Waits(b.pieces - len(b.done))
			told = true
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, w.Term/looks)
	}
}

// next takes a piece: one that nobody has, or one whose lease has expired. It returns none where there is none to take
// now.
func (w *Worker) next(ctx context.Context, b *board) (*held, int, error) {
	for look := range 2 { // the first time by what was seen before
		if look > 0 {
			if err := w.look(ctx, b); err != nil || b.over || b.all() {
				return nil, 0, err
			}
		}
		for range tries {
			piece, ok := b.free()
			if !ok {
				break
			}
			h, err := w.take(ctx, b, piece, 1)
			if err == nil {
				return h, piece, nil
			}
			if !errors.Is(err, fs.ErrExist) {
				return nil, 0, err
			}
			b.leases[piece] = seen{n: 1}
		}
	}
	if _, free := b.free(); free {
		return nil, 0, nil // others were faster, all the time
	}
	now, err := w.clock(ctx)
	if err != nil {
		return nil, 0, err
	}
	if err := w.meet(ctx, b); err != nil {
		return nil, 0, err
	}
	for piece, s := range b.leases {
		lost := s.holder != nil && s.holder.Gone()
		if b.done[piece] || !lost && !s.expired(now, w.Term) {
			continue
		}
		h, err := w.take(ctx, b, piece, s.n+1)
		if err == nil {
			return h, piece, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, 0, err
		}
	}
	return nil, 0, nil
}

// text is what is written in the leases of the worker: its name, and its process.
func (w *Worker) text() string {
	id, err := json.Marshal(process.This())
	if err != nil {
		panic(err) // it has a string and a number
	}
	return w.Name + "\n" + string(id) + "\n"
}

// meet learns who has some of the leases, few at a time so that a thousand workers that wait do not ask much.
func (w *Worker) meet(ctx context.Context, b *board) error {
	const atOnce = 2
	asked := 0
	for piece, s := range b.leases {
		if b.done[piece] || s.holder != nil || asked == atOnce {
			continue
		}
		asked++
		text, err := w.Store.Read(ctx, fmt.Sprintf("%s.%d", b.key(piece), s.n))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		_, id, _ := strings.Cut(text, "\n")
		s.holder = &process.ID{}
		_ = json.Unmarshal([]byte(id), s.holder) // of an earlier version it says nothing
		b.leases[piece] = s
	}
	return nil
}

// clock returns the store's time.
func (w *Worker) clock(ctx context.Context) (time.Time, error) {
	w.asked = true
	name := clock + w.Name
	for try := 1; ; try++ { // who ends a round takes all clocks away, perhaps between a put and the look at its time
		at, err := w.Store.Renew(ctx, name, "")
		if errors.Is(err, fs.ErrNotExist) {
			at, err = w.Store.Create(ctx, name, "")
		}
		gone := errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist)
		if !gone || try == tries {
			return at, err
		}
	}
}

// end says that the round is over, and takes its leases away, and the clocks.
func (w *Worker) end(ctx context.Context, b *board) error {
	if _, err := w.Store.Create(ctx, b.round()+done, w.Name+"\n"); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return w.clear(ctx, b)
		}
		return err
	}
	if err := w.clear(ctx, b); err != nil {
		return err
	}
	clocks, err := w.Store.List(ctx, clock)
	if err != nil {
		return err
	}
	for name := range clocks { // of workers that were lost, too; who needs his makes it again
		if err := w.Store.Remove(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// clear takes away what there is of a round that has ended, and of those before it. Each worker does when it sees the
// end: a put of its own whose answer was lost was made again, perhaps when another had cleared the first one away.
func (w *Worker) clear(ctx context.Context, b *board) error {
	list, err := w.Store.List(ctx, b.stage+"-")
	if err != nil {
		return err
	}
	for name := range list {
		if o, ok := parse(name); ok && o.stage == b.stage && o.round <= b.n && name != b.round()+done {
			if err := w.Store.Remove(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// start is where a worker looks for pieces first: others begin elsewhere.
func (w *Worker) start(pieces int) int {
	h := fnv.New64a()
	fmt.Fprint(h, w.Name)
	return int(h.Sum64() % uint64(max(1, pieces)))
}
