package stage

import (
	"context"
	"fmt"
	"path/filepath"

	"mgd3/stage/atomicfile"
	"mgd3/store"
)

// ErrBusy says that another process is at work on the same output.
var ErrBusy = atomicfile.ErrBusy

// Lock takes the output folder for one shard, or says [ErrBusy] if another process has a part of it. The system takes
// the lock back when the process dies, so nothing is ever left locked. A folder that is made for it goes again with
// the lock if nothing was written to it.
func Lock(out string, shard Shard) (unlock func(), err error) {
	return atomicfile.LockIn(out, func() (func(), error) { return lockShards(out, shard, atomicfile.Lock) })
}

// LockReading takes output folders for reading: no process may write to them meanwhile, others may read. It says
// [ErrBusy] if one is writing.
func LockReading(out ...string) (unlock func(), err error) {
	return lockAll(len(out), func(i int) (func(), error) { return lockReading(out[i]) })
}

// LockTogether takes a folder for writing, and others for reading.
func LockTogether(out string, others []string) (unlock func(), err error) {
	return lockAll(1+len(others), func(i int) (func(), error) {
		if i == 0 {
			return Lock(out, Whole)
		}
		return lockReading(others[i-1])
	})
}

// lockAll takes n locks in their order, or none.
func lockAll(n int, take func(i int) (func(), error)) (unlock func(), err error) {
	var held []func()
	unlock = func() {
		for _, unlock := range held {
			unlock()
		}
	}
	for i := range n {
		one, err := take(i)
		if err != nil {
			unlock()
			return nil, err
		}
		held = append(held, one)
	}
	return unlock, nil
}

func lockReading(out string) (unlock func(), err error) {
	if info, err := store.Stat(out); err != nil || !info.IsDir() {
		return func() {}, nil // what is read there says so
	}
	return lockShards(out, Whole, atomicfile.Share)
}

// lockShards takes the lock of one shard after a look at those that overlap with it, one process at a time.
func lockShards(out string, shard Shard, take func(path string) (func(), error)) (unlock func(), err error) {
	looked, err := atomicfile.Wait(context.Background(), filepath.Join(out, "shards"))
	if err != nil {
		return nil, err
	}
	defer looked()
	if err := free(atomicfile.Lock, anyLock(out)); err != nil {
		return nil, fmt.Errorf("%q, shard %v beside workers of any: %w", out, shard, err)
	}
	if err := lookAtShards(out, shard, take); err != nil {
		return nil, err
	}
	unlock, err = take(shard.lock(out))
	if err != nil {
		return nil, fmt.Errorf("%q, shard %v: %w", out, shard, err)
	}
	return unlock, nil
}

// LockAny takes the output folder for one of the workers that share all of its parts, see stage/lease, or says
// [ErrBusy] if another process has a part of it for itself.
func LockAny(out string) (unlock func(), err error) {
	return atomicfile.LockIn(out, func() (func(), error) {
		looked, err := atomicfile.Wait(context.Background(), filepath.Join(out, "shards"))
		if err != nil {
			return nil, err
		}
		defer looked()
		if err := free(atomicfile.Lock, Whole.lock(out)); err != nil {
			return nil, fmt.Errorf("%q, a worker of any beside a whole run: %w", out, err)
		}
		if err := lookAtShards(out, Whole, atomicfile.Lock); err != nil {
			return nil, err
		}
		return atomicfile.Share(anyLock(out))
	})
}

// anyLock is what stands for the workers that share all parts in the names of locks.
func anyLock(out string) string { return filepath.Join(out, "shard-any") }

// free says what is wrong where a lock cannot be taken.
func free(take func(path string) (func(), error), path string) error {
	unlock, err := take(path)
	if err == nil {
		unlock()
	}
	return err
}

// lookAtShards says which other shard, of those that overlap with this one, cannot be taken.
func lookAtShards(out string, shard Shard, take func(path string) (func(), error)) error {
	entries, err := store.ReadDir(out)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		var other Shard
		n, _ := fmt.Sscanf(entry.Name(), ".shard-%d-of-%d.lock", &other.Index, &other.Count)
		ours := n == 2 && entry.Name() == filepath.Base(atomicfile.LockFile(other.lock(out)))
		if !ours || other == shard || !shard.overlaps(other) {
			continue
		}
		if err := free(take, other.lock(out)); err != nil {
			return fmt.Errorf("%q, shard %v beside shard %v: %w", out, shard, other, err)
		}
	}
	return nil
}

// lock is what stands for the shard in the names of locks.
func (s Shard) lock(out string) string {
	return filepath.Join(out, fmt.Sprintf("shard-%d-of-%d", s.Index, s.Count))
}
