package stage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestLock: a second process on a part of the same folder that has work in common is refused, another part is not.
func TestLock(t *testing.T) {
	for _, c := range []struct {
		one, other Shard
		busy       bool
	}{
		{Shard{0, 2}, Shard{0, 2}, true},
		{Shard{0, 2}, Shard{1, 2}, false},
		{Shard{0, 1}, Shard{0, 2}, true},
		{Shard{1, 2}, Whole, true},
		{Shard{0, 2}, Shard{2, 4}, false},
		{Shard{1, 2}, Shard{2, 4}, true},
		{Shard{1, 3}, Shard{0, 2}, true},
		{Shard{2, 3}, Shard{0, 2}, false},
	} {
		out := filepath.Join(t.TempDir(), "out")
		unlock, err := Lock(out, c.one)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := LockReading(out); !errors.Is(err, ErrBusy) {
			t.Errorf("reading beside %v: got error %v, want an ErrBusy", c.one, err)
		}
		other, err := Lock(out, c.other)
		if errors.Is(err, ErrBusy) != c.busy || !c.busy && err != nil {
			t.Errorf("%v beside %v: got error %v, want busy: %v", c.other, c.one, err, c.busy)
		}
		if named := fmt.Sprintf("shard %v", c.one); c.busy && !strings.Contains(err.Error(), named) {
			t.Errorf("%v beside %v: got error %v, want one that names %s", c.other, c.one, err, named)
		}
		if err == nil {
			other()
		}
		unlock()
		if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the folder that was made for the lock is left, with nothing in it: %v", err)
		}
		if err := os.Mkdir(out, 0o755); err != nil {
			t.Fatal(err)
		}
		reading, err := LockReading(out)
		if err != nil {
			t.Fatalf("after all have gone: %v", err)
		}
		if _, err := Lock(out, c.other); !errors.Is(err, ErrBusy) {
			t.Errorf("%v beside one who reads: got error %v, want an ErrBusy", c.other, err)
		}
		reading()
		if left, err := os.ReadDir(out); err != nil || len(left) > 0 {
			t.Errorf("the locks left %v, error %v", left, err)
		}
	}
}

// TestLockTogether: of many that lock one shard at the same moment, exactly one has it; the others are told who is
// busy.
func TestLockTogether(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	var group sync.WaitGroup
	unlocks, errs := make([]func(), 8), make([]error, 8)
	for i := range unlocks {
		group.Go(func() { unlocks[i], errs[i] = Lock(out, Whole) })
	}
	group.Wait()
	won := 0
	for i, err := range errs {
		switch {
		case err == nil:
			won++
			defer unlocks[i]()
		case !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), out):
			t.Errorf("got error %v, want an ErrBusy that names %q", err, out)
		}
	}
	if won != 1 {
		t.Errorf("%d have the lock, want 1", won)
	}
}

// TestLockAny: workers that share all parts are together, and with nobody else.
func TestLockAny(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	one, errOne := LockAny(out)
	two, errTwo := LockAny(out)
	if err := errors.Join(errOne, errTwo); err != nil {
		t.Fatal(err)
	}
	others := map[string]func() (func(), error){
		"the whole":  func() (func(), error) { return Lock(out, Whole) },
		"a shard":    func() (func(), error) { return Lock(out, Shard{1, 3}) },
		"who reads":  func() (func(), error) { return LockReading(out) },
		"who writes": func() (func(), error) { return LockTogether(out, nil) },
	}
	for name, lock := range others {
		if _, err := lock(); !errors.Is(err, ErrBusy) {
			t.Errorf("%s beside workers of any: got error %v, want an ErrBusy", name, err)
		}
	}
	one()
	if _, err := Lock(out, Whole); !errors.Is(err, ErrBusy) {
		t.Errorf("beside the second one: got error %v, want an ErrBusy", err)
	}
	two()
	if err := os.MkdirAll(out, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, lock := range others {
		unlock, err := lock()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := LockAny(out); !errors.Is(err, ErrBusy) {
			t.Errorf("a worker of any beside %s: got error %v, want an ErrBusy", name, err)
		}
		unlock()
	}
	if left, err := os.ReadDir(out); err != nil || len(left) > 0 {
		t.Errorf("the locks left %v, error %v", left, err)
	}
}
