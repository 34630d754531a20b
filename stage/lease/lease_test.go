package lease

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pool runs workers over one store in virtual time, and counts how often each piece was done.
type pool struct {
	store  Store
	pieces int
	mu     sync.Mutex
	times  map[int]int    // that a piece was done
	waited map[string]int // pieces that a worker said it waits for
	group  sync.WaitGroup
}

func (p *pool) worker(ctx context.Context, t *testing.T, name string, do func(ctx context.Context, piece int) error) {
	p.group.Go(func() {
		w := &Worker{Store: p.store, Name: name, Term: Term}
		w.Waits = func(pieces int) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.waited[name] = pieces
		}
		err := w.Each(ctx, "sample", p.pieces, func(ctx context.Context, piece int) error {
			if err := do(ctx, piece); err != nil {
				return err
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			p.times[piece]++
			return nil
		})
		if err != nil && ctx.Err() == nil {
			t.Errorf("%s: %v", name, err)
		}
	})
}

// wait wants all pieces to have been done so often.
func (p *pool) wait(t *testing.T, least, most int) {
	t.Helper()
	p.group.Wait()
	for piece := range p.pieces {
		if n := p.times[piece]; n < least || n > most {
			t.Errorf("piece %d was done %d times, want %d to %d", piece, n, least, most)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// TestEach: several workers do each piece once and all end together; whoever comes afterwards does all again, once.
func TestEach(t *testing.T) {
	for _, workers := range []int{1, 2, 7, 40} {
		synctest.Test(t, func(t *testing.T) {
			p := &pool{store: newMemory(), pieces: 30, times: map[int]int{}, waited: map[string]int{}}
			for round := range 2 {
				for i := range workers {
					p.worker(t.Context(), t, fmt.Sprint("w", i), func(ctx context.Context, piece int) error {
						return sleep(ctx, time.Duration(1+piece%5)*time.Minute)
					})
				}
				p.wait(t, round+1, round+1)
			}
		})
	}
}

// TestExpiry: what a worker had that died is taken when its term is over and not before, whatever the store's clock
// does meanwhile; a live one keeps its piece.
func TestExpiry(t *testing.T) {
	jumps := []time.Duration{0, time.Hour, -time.Hour, 10 * time.Second}
	for _, jump := range jumps {
		synctest.Test(t, func(t *testing.T) {
			store := newMemory()
			p := &pool{store: store, pieces: 2, times: map[int]int{}, waited: map[string]int{}}
			dead := &Worker{Store: store, Name: "dead", Term: Term}
			b, err := dead.join(t.Context(), "sample", 2)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := dead.take(t.Context(), b, 0, 1); err != nil { // and never renews it
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			store.mu.Lock()
			store.ahead = jump
			store.mu.Unlock()
			began := time.Now()
			p.worker(t.Context(), t, "slow", func(ctx context.Context, piece int) error { // alive all the time
				if piece == 1 {
					return sleep(ctx, 20*time.Minute)
				}
				return nil
			})
			time.Sleep(time.Second)
			taken := time.Duration(0)
			p.worker(t.Context(), t, "next", func(context.Context, int) error { taken = time.Since(began); return nil })
			p.wait(t, 1, 1)
			if p.waited["next"] != 2 || p.waited["slow"] != 0 {
				t.Errorf("the workers said that they wait for %v pieces, want the next alone, for 2", p.waited)
			}
			if taken == 0 {
				t.Fatal("the live worker took the dead one's piece, though it had its own")
			}
			// the store may say sooner that it is old; half a term of watching is the least
			least, most := max(Term/2, Term-max(0, jump)-2*time.Second), Term+2*Term/looks+2*time.Second
			if taken < least || taken > most {
				t.Errorf("the store's clock %v ahead: taken after %v, want %v to %v", jump, taken, least, most)
			}
		})
	}
}

// TestStopped: a worker that does nothing for longer than its term, and wakes up, leaves the piece that another has
// now, before it asks the store, and goes on with others.
func TestStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		p := &pool{store: store, pieces: 3, times: map[int]int{}, waited: map[string]int{}}
		ctx, stop := context.WithCancel(t.Context())
		stopped := &Worker{Store: store, Name: "stopped", Term: Term}
		b, err := stopped.join(ctx, "sample", 3)
		if err != nil {
			t.Fatal(err)
		}
		h, err := stopped.take(ctx, b, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		work := context.WithValue(ctx, heldKey{}, h)
		if err := Check(work); err != nil {
			t.Errorf("at first: %v", err)
		}
		p.worker(ctx, t, "other", func(context.Context, int) error { return nil })
		p.wait(t, 1, 1)
		if err := Check(work); !errors.Is(err, ErrLost) {
			t.Errorf("after its term: got %v, want an ErrLost", err)
		}
		if err := h.renew(ctx); !errors.Is(err, ErrLost) {
			t.Errorf("it renews its lease: %v, want an ErrLost", err)
		}
		stop()
	})
	if err := Check(t.Context()); err != nil {
		t.Errorf("without a lease: %v", err)
	}
}

// TestLostInTheMiddle: work whose lease has a successor is told so by its context, and its error is none of the
// worker's.
func TestLostInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		p := &pool{store: store, pieces: 2, times: map[int]int{}, waited: map[string]int{}}
		first := true
		p.worker(t.Context(), t, "w", func(ctx context.Context, piece int) error {
			if !first {
				return nil
			}
			first = false
			b := board{stage: "sample", pieces: 2, n: 1}
			if _, err := store.Create(ctx, b.key(piece)+".2", ""); err != nil {
				return err
			}
			err := sleep(ctx, time.Hour)
			if !errors.Is(context.Cause(ctx), ErrLost) {
				t.Errorf("its context ended by %v, want an ErrLost", context.Cause(ctx))
			}
			return err
		})
		p.wait(t, 1, 1)
	})
}

// TestErrors: a worker that is told to stop gives its piece back at once; one that fails keeps it for its term, so that
// others do other pieces first; a store that fails is an error.
func TestErrors(t *testing.T) {
	broken := errors.New("broken")
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		p := &pool{store: store, pieces: 2, times: map[int]int{}, waited: map[string]int{}}
		ctx, cancel := context.WithCancel(t.Context())
		p.worker(ctx, t, "told", func(ctx context.Context, _ int) error { return sleep(ctx, time.Hour) })
		time.Sleep(time.Minute)
		cancel()
		p.group.Wait()
		if left, _ := store.List(t.Context(), "sample-"); len(left) > 0 {
			t.Errorf("it was told to stop and left %v", left)
		}
		w := &Worker{Store: store, Name: "fails", Term: Term}
		if err := w.Each(t.Context(), "sample", 2, func(context.Context, int) error { return broken }); !errors.Is(err,
			broken) {
			t.Errorf("got %v, want the error of the work", err)
		}
		began, order := time.Now(), []time.Duration{}
		p.worker(t.Context(), t, "next", func(context.Context, int) error {
			order = append(order, time.Since(began))
			return nil
		})
		p.wait(t, 1, 1)
		if len(order) != 2 || order[0] != 0 || order[1] < Term/2 {
			t.Errorf("the pieces were done after %v, want one at once and what failed later", order)
		}
		store.err = broken
		if err := w.Each(t.Context(), "sample", 2, nil); !errors.Is(err, broken) {
			t.Errorf("got %v, want the store's error", err)
		}
	})
}

// TestCut: workers who cut a stage in another way are told; a round that has ended binds nobody.
func TestCut(t *testing.T) {
	store := newMemory()
	nothing := func(context.Context, int) error { return nil }
	w := &Worker{Store: store, Name: "w", Term: Term}
	b, err := w.join(t.Context(), "sample", 3)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.take(t.Context(), b, 1, 1); err != nil {
		t.Fatal(err)
	}
	if err := w.Each(t.Context(), "sample", 4, nothing); !errors.Is(err, ErrCut) {
		t.Errorf("got %v, want an ErrCut", err)
	}
	if err := w.Each(t.Context(), "encode", 4, nothing); err != nil {
		t.Errorf("another stage: %v", err)
	}
	if err := store.Remove(t.Context(), b.key(1)+".1"); err != nil {
		t.Fatal(err)
	}
	if err := w.Each(t.Context(), "sample", 3, nothing); err != nil {
		t.Error(err)
	}
	if err := w.Each(t.Context(), "sample", 4, nothing); err != nil {
		t.Errorf("after the round: %v", err)
	}
	if left, _ := store.List(t.Context(), ""); len(left) != 2 {
		t.Errorf("the rounds left %v, want the word of the end of each stage's last", left)
	}
}

// TestComings: workers come, die, stand still and are told to stop at random, and the store's clock jumps: all pieces
// are done, and few of them twice.
func TestComings(t *testing.T) {
	for seed := range uint64(50) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 0))
			store := newMemory()
			p := &pool{store: store, pieces: 20, times: map[int]int{}, waited: map[string]int{}}
			for i := range 12 {
				ctx, cancel := context.WithCancel(t.Context())
				life := time.Duration(rnd.IntN(120)) * time.Minute
				p.worker(ctx, t, fmt.Sprint("w", i), func(ctx context.Context, _ int) error {
					return sleep(ctx, 10*time.Minute)
				})
				if i < 9 { // three live for ever
					time.AfterFunc(life, cancel)
				}
				jump := time.Duration(rnd.IntN(7200)-3600) * time.Second
				time.AfterFunc(life/2, func() {
					store.mu.Lock()
					defer store.mu.Unlock()
					store.ahead = jump
				})
				time.Sleep(time.Duration(rnd.IntN(10)) * time.Minute)
				t.Cleanup(cancel)
			}
			p.wait(t, 1, 2)
		})
	}
}

// TestParse: names are read as they are written, and other names are not.
func TestParse(t *testing.T) {
	b := board{stage: "sample", pieces: 1000, n: 12}
	for name, want := range map[string]object{
		b.key(7) + ".3":   {"sample", 1000, 12, 7, 3},
		b.key(999) + done: {"sample", 1000, 12, 999, 0},
		b.round() + done:  {"sample", 1000, 12, -1, 0},
	} {
		if got, ok := parse(name); !ok || got != want {
			t.Errorf("%s: got %v, %v, want %v", name, got, ok, want)
		}
	}
	for _, name := range []string{"", "sample", "sample-3", "sample-3.1", "sample-3.1-7", "sample-3.1-7.0",
		"clock-h-1-2",
		"sample-3.1-x.1", "sample-3.-1-2.1", ".sample-3.done"} {
		if got, ok := parse(name); ok {
			t.Errorf("%q was read as %v", name, got)
		}
	}
	for text, want := range map[string][]any{"any": {0, true, true}, "any/40": {40, true, true}, "any/0": {0, true,
		false},
		"any/x": {0, true, false}, "any/1001": {0, true, false}, "anyone": {0, false, true}, "1/2": {0, false, true}} {
		pieces, ok, err := ParseAny(text)
		if got := []any{pieces, ok, err == nil}; !slices.Equal(got, want) && !(err != nil && got[1] == want[1] &&
			got[2] == want[2]) {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

// again is a store that loses the answer to the put of one object: it is put, and put again when all of its round has
// been cleared away, as a client does that had no answer.
type again struct {
	*memory
	lost, end string // the object, and the one that says that its round has ended
}

func (a *again) Create(ctx context.Context, name, text string) (time.Time, error) {
	at, err := a.memory.Create(ctx, name, text)
	if name != a.lost {
		return at, err
	}
	for ended := false; !ended; {
		if err := sleep(ctx, time.Minute); err != nil {
			return at, err
		}
		there, _ := a.Exists(ctx, name)
		ended, _ = a.Exists(ctx, a.end)
		ended = ended && !there
	}
	return a.memory.Create(ctx, name, text)
}

// TestAnswerLost: a worker whose put came once more after the end clears it away itself.
func TestAnswerLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		p := &pool{store: &again{m, "sample-3.1-0001.done", "sample-3.1.done"}, pieces: 3, times: map[int]int{},
			waited: map[string]int{}}
		for i := range 2 {
			p.worker(t.Context(), t, fmt.Sprint("w", i), func(context.Context, int) error { return nil })
		}
		p.wait(t, 1, 1)
		if len(m.objects) != 1 {
			t.Errorf("%v are left, want the word of the end alone", m.objects)
		}
	})
}

// hasty is a store in which each object but the round's end is gone, the first time, before its time is known.
type hasty struct {
	*memory
	gone map[string]bool
}

func (h *hasty) Create(ctx context.Context, name, text string) (time.Time, error) {
	at, err := h.memory.Create(ctx, name, text)
	if err == nil && !h.gone[name] {
		h.gone[name] = true
		return at, fs.ErrNotExist
	}
	return at, err
}

// TestGoneAtOnce: that somebody else took an object away at once, as who sees the end of a round does, ends no worker.
func TestGoneAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := map[int]bool{}
		w := &Worker{Store: &hasty{newMemory(), map[string]bool{"sample-3.1.done": true}}, Name: "w", Term: time.Minute}
		if err := w.Each(t.Context(), "sample", 3, func(_ context.Context, piece int) error {
			done[piece] = true
			return nil
		}); err != nil || len(done) != 3 {
			t.Errorf("did %v, %v, want three pieces", done, err)
		}
		if _, err := w.clock(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
