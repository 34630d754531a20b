// Package team runs the parts of a loop on a fixed set of workers.
package team

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Team is a set of workers. The goroutine that calls [Team.For] always works too, so a team of one
// has no goroutines, and the loops of several callers share the helpers.
type Team struct {
	size int
	jobs chan *job
	free sync.Pool // of *job
	stop sync.Once
	done sync.WaitGroup
}

// job is one loop: parts are handed out by counting next up to n.
type job struct {
	n      int64
	f      func(part, worker int)
	next   atomic.Int64
	ready  atomic.Int64  // parts that are done
	joined atomic.Int64  // workers so far; the caller is worker 0
	refs   atomic.Int64  // the caller, and helpers that have it or will take it from the queue
	state  atomic.Int32  // running, parked or finished
	over   chan struct{} // told when the last part ends on a helper while the caller is parked
}

const (
	running  = iota
	parked   // the caller sleeps until the end
	finished // all parts are done
)

// spins is how often a worker looks for what it waits for before it sleeps: some 50 µs. Waking a thread takes as long
// where the machine is a virtual one, and between the loops of a computation there are only a few microseconds.
const spins = 10000

// New returns a team of n workers, or as many as GOMAXPROCS for n < 1.
func New(n int) *Team {
	if n < 1 {
		n = runtime.GOMAXPROCS(0)
	}
	t := &Team{size: n, jobs: make(chan *job, n-1)}
	for range n - 1 {
		t.done.Go(t.help)
	}
	return t
}

// Size is the largest number of workers in one loop.
func (t *Team) Size() int { return t.size }

// Close ends the workers and waits for them. No loop may run then or later.
func (t *Team) Close() {
	t.stop.Do(func() { close(t.jobs) })
	t.done.Wait()
}

// For calls f(part, worker) for each part from 0 to n-1, in any order, and returns when all are done. worker
// is below Size, and no two calls of one loop run at the same time with the same worker, so f may
// use it to choose scratch memory. For allocates nothing of its own once it is warm.
func (t *Team) For(n int, f func(part, worker int)) {
	if n <= 1 || t.size == 1 {
		for part := range n {
			f(part, 0)
		}
		return
	}
	j, _ := t.free.Get().(*job)
	if j == nil {
		j = &job{over: make(chan struct{}, 1)}
	}
	j.n, j.f = int64(n), f
	j.next.Store(0)
	j.ready.Store(0)
	j.joined.Store(1)
	j.state.Store(running)
	j.refs.Store(int64(min(n, t.size)))
	for range min(n, t.size) - 1 {
		select {
		case t.jobs <- j:
		default: // every helper has its next loop already
			j.refs.Add(-1)
		}
	}
	if !j.work(0) {
		j.wait()
	}
	t.drop(j)
}

// wait returns when all parts are done.
func (j *job) wait() {
	for range spins {
		if j.state.Load() == finished {
			return
		}
	}
	if j.state.CompareAndSwap(running, parked) {
		<-j.over
	}
}

func (t *Team) help() {
	for {
		j, ok := t.receive()
		if !ok {
			return
		}
		if j.next.Load() < j.n && j.work(int(j.joined.Add(1)-1)) && j.state.Swap(finished) == parked {
			j.over <- struct{}{}
		}
		t.drop(j)
	}
}

// receive returns the next job; ok is false when the team is closed.
func (t *Team) receive() (j *job, ok bool) {
	for range spins {
		select {
		case j, ok = <-t.jobs:
			return j, ok
		default:
		}
	}
	j, ok = <-t.jobs
	return j, ok
}

// work does parts until none is left, and reports whether it did the last one to end.
func (j *job) work(worker int) (last bool) {
	for {
		part := j.next.Add(1) - 1
		if part >= j.n {
			return last
		}
		j.f(int(part), worker)
		last = j.ready.Add(1) == j.n
	}
}

// drop gives back one reference; the last one makes the job free for another loop.
func (t *Team) drop(j *job) {
	if j.refs.Add(-1) == 0 {
		j.f = nil
		t.free.Put(j)
	}
}
