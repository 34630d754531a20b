package lease

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// site is a cluster in virtual time: workers that share pieces of ten minutes, of which one in twenty starts is killed
// somewhere in the middle. A piece is sixty images of ten seconds; what is made of it stays.
type site struct {
	store   *memory
	random  *rand.Rand
	mu      sync.Mutex
	left    map[int]int // images of each piece
	useful  time.Duration
	paid    time.Duration // of machines, from their start to their end
	starts  int           // of pieces
	killed  int
	load    time.Duration // of networks, when a worker starts
	largest int           // objects in one list
}

const (
	imageTime = 10 * time.Second
	images    = 60
)

// slow is the store as a worker sees it: 20 ms away.
type slow struct {
	*memory
	s *site
}

func (l slow) List(ctx context.Context, prefix string) (map[string]time.Time, error) {
	time.Sleep(20 * time.Millisecond)
	list, err := l.memory.List(ctx, prefix)
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	l.s.largest = max(l.s.largest, len(list))
	return list, err
}

func (l slow) Create(ctx context.Context, name, text string) (time.Time, error) {
	time.Sleep(20 * time.Millisecond)
	return l.memory.Create(ctx, name, text)
}

// deaf is a store that a killed worker does not reach any more.
type deaf struct {
	Store
	dead context.Context
}

func (d deaf) Remove(ctx context.Context, name string) error {
	if d.dead.Err() != nil {
		return nil
	}
	return d.Store.Remove(ctx, name)
}

// machine is a worker that is started again, a minute after it was killed, until all pieces are done.
func (s *site) machine(t *testing.T, id, pieces int) {
	began := time.Now()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.paid += time.Since(began)
	}()
	for life := 0; ; life++ {
		ctx, kill := context.WithCancel(t.Context())
		w := &Worker{Store: deaf{slow{s.store, s}, ctx}, Name: fmt.Sprintf("m%d-%d", id, life), Term: Term}
		time.Sleep(s.load)
		err := w.Each(ctx, "sample", pieces, func(ctx context.Context, piece int) error {
			return s.sample(ctx, piece, kill)
		})
		if ctx.Err() == nil {
			if err != nil {
				t.Error(err)
			}
			kill()
			return
		}
		time.Sleep(time.Minute)
	}
}

// sample makes the images of a piece that are not there, unless it is killed.
func (s *site) sample(ctx context.Context, piece int, kill func()) error {
	s.mu.Lock()
	s.starts++
	end := -1
	if s.random.IntN(20) == 0 {
		s.killed++
		end = s.random.IntN(images)
	}
	s.mu.Unlock()
	for made := 0; ; made++ {
		s.mu.Lock()
		left := s.left[piece]
		s.mu.Unlock()
		if left == 0 {
			return nil
		}
		if made == end {
			time.Sleep(imageTime / 2)
			kill()
			return ctx.Err()
		}
		if err := sleep(ctx, imageTime); err != nil {
			return err
		}
		s.mu.Lock()
		if s.left[piece] > 0 { // else another was faster, and this was for nothing
			s.left[piece]--
			s.useful += imageTime
		}
		s.mu.Unlock()
	}
}

// TestScale: a thousand pieces of ten minutes, one in twenty starts killed: at least 95 % of the machines' time is
// useful, the store is asked as often for each piece as at a hundred pieces, and little.
func TestScale(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	asked := map[int]float64{}
	for _, pieces := range []int{100, 1000} {
		workers := pieces / 25
		synctest.Test(t, func(t *testing.T) {
			s := &site{store: newMemory(), random: rand.New(rand.NewPCG(1, 2)), left: map[int]int{},
				load: 15 * time.Second}
			for piece := range pieces {
				s.left[piece] = images
			}
			began := time.Now()
			var group sync.WaitGroup
			for id := range workers {
				group.Go(func() { s.machine(t, id, pieces) })
			}
			group.Wait()
			if want := time.Duration(pieces*images) * imageTime; s.useful != want {
				t.Fatalf("%v of images were made, want %v", s.useful, want)
			}
			all := 0
			for _, n := range s.store.asked {
				all += n
			}
			asked[pieces] = float64(all) / float64(pieces)
			useful := float64(s.useful) / float64(s.paid)
			t.Logf("%d pieces, %d workers: %d starts, %d killed, %v; %.1f %% useful; %.1f requests a piece, %.2f a "+
				"second: "+
				"%v; a list has up to %d", pieces, workers, s.starts, s.killed, time.Since(began).Round(time.Second),
				100*useful, asked[pieces], float64(all)/time.Since(began).Seconds(), s.store.asked, s.largest)
			if pieces == 1000 && useful < 0.95 {
				t.Errorf("%.1f %% of the time was useful, want at least 95 %%", 100*useful)
			}
			// a lease, a look whether the round is over, its end, and two requests of each renewal; looks come on top
			if most := 3 + 2*renewals*float64(images*imageTime)/float64(Term) + 10; asked[pieces] > most {
				t.Errorf("%.1f requests a piece, want at most %.0f", asked[pieces], most)
			}
		})
	}
	if asked[1000] > 1.5*asked[100] {
		t.Errorf("%.1f requests a piece of a thousand, %.1f of a hundred: want about the same", asked[1000], asked[100])
	}
}
