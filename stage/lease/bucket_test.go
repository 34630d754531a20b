package lease

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"testing"
	"time"

	"mgd3/internal/fixtures/storetest"
)

// inBucket returns a store of leases in a bucket, every second request of which goes wrong in one of some ways.
func inBucket(t *testing.T, ways ...storetest.Fault) (*storetest.Server, Bucket) {
	s, n := storetest.New(t), 0
	if len(ways) > 0 {
		s.Fault = func() storetest.Fault {
			if n++; n%2 == 1 {
				return storetest.None
			}
			return ways[n/2%len(ways)]
		}
	}
	return s, Bucket(s.Path("run/.leases"))
}

// TestBucketCreate: of many who create an object one does, and knows it, though answers are lost after success.
func TestBucketCreate(t *testing.T) {
	_, b := inBucket(t, storetest.Lost, storetest.Conflict, storetest.Reset)
	var group sync.WaitGroup
	var mu sync.Mutex
	var owners []string
	for i := range 8 {
		group.Go(func() {
			name := fmt.Sprint("w", i)
			_, err := b.Create(t.Context(), "sample-3.1-0000.1", name)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				owners = append(owners, name)
			} else if !errors.Is(err, fs.ErrExist) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if len(owners) != 1 {
		t.Errorf("%v created the same object, want one of them", owners)
	}
}

// TestBucketTimes: times are the store's, and a renewal changes them.
func TestBucketTimes(t *testing.T) {
	s, b := inBucket(t)
	for _, ahead := range []time.Duration{time.Hour, -time.Hour} {
		s.Ahead = ahead
		name := fmt.Sprint("sample-3.1-0000.", 2+int(ahead.Hours()))
		created, errCreate := b.Create(t.Context(), name, "w")
		s.Ahead += time.Minute
		renewed, errRenew := b.Renew(t.Context(), name, "w")
		list, errList := b.List(t.Context(), "sample-")
		if err := errors.Join(errCreate, errRenew, errList); err != nil {
			t.Fatal(err)
		}
		if off := time.Until(created) - ahead; off.Abs() > 30*time.Second {
			t.Errorf("created at %v, %v off the store's clock", created, off)
		}
		if d := renewed.Sub(created); d < 59*time.Second || !list[name].Equal(renewed) {
			t.Errorf("created at %v, renewed at %v, listed as of %v", created, renewed, list[name])
		}
	}
	if _, err := b.Create(t.Context(), "sample-3.1-0000.1", "v"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v, want that it is there", err)
	}
	if there, err := b.Exists(t.Context(), "sample-3.1-0000.9"); there || err != nil {
		t.Errorf("got %v, %v, want nothing", there, err)
	}
	if list, err := Bucket(s.Path("nothing")).List(t.Context(), ""); len(list) > 0 || err != nil {
		t.Errorf("got %v, %v, want nothing", list, err)
	}
}

// TestBucketEach: workers that share the pieces do each once, whatever goes wrong with the store, and leave one object.
func TestBucketEach(t *testing.T) {
	s, b := inBucket(t, storetest.Lost, storetest.CutShort, storetest.Conflict)
	p := &pool{store: b, pieces: 4, times: map[int]int{}, waited: map[string]int{}}
	for i := range 2 {
		p.worker(t.Context(), t, fmt.Sprint("w", i), func(context.Context, int) error { return nil })
	}
	p.wait(t, 1, 1)
	if len(s.Objects) != 1 {
		t.Errorf("%d objects are left, want the word of the end alone", len(s.Objects))
	}
}

// TestBucketExpiry: what a lost worker had is taken, whatever the store's clock says, and what a live one has, which
// renews its lease, is left to it for longer than a term.
func TestBucketExpiry(t *testing.T) {
	const term = 2 * time.Second // the store's times are whole seconds
	var group sync.WaitGroup
	for _, jump := range []time.Duration{0, time.Hour, -time.Hour} {
		s, b := inBucket(t)
		dead := &Worker{Store: b, Name: "dead", Term: term}
		board, err := dead.join(t.Context(), "sample", 2)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := dead.take(t.Context(), board, 0, 1); err != nil { // and never renews it
			t.Fatal(err)
		}
		s.Ahead = jump
		done := map[int]int{}
		var mu sync.Mutex
		for i := range 2 {
			group.Go(func() {
				w := &Worker{Store: b, Name: fmt.Sprint("w", i), Term: term}
				err := w.Each(t.Context(), "sample", 2, func(ctx context.Context, piece int) error {
					if piece == 1 {
						if err := sleep(ctx, 2*term); err != nil {
							return err
						}
					}
					mu.Lock()
					defer mu.Unlock()
					done[piece]++
					return nil
				})
				if err != nil || done[0] != 1 || done[1] != 1 {
					t.Errorf("the store's clock %v ahead: %v, the pieces were done %v times, want each once", jump,
						err, done)
				}
			})
		}
	}
	group.Wait()
}
