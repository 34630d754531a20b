package store

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"sync"
	"time"

	"mgd3/internal/process"
)

// A lock in a bucket is an object that is written by a conditional put, only where none is:
//
//	{"owner": "0123…", "host": "…", "pid": 4711, "beat": 3}
//
// Its owner writes it again every lockBeat, with the next beat. A lock that has not changed for lockExpires is nobody's
// any more. The reader measures this by its own clock alone, since clocks of machines differ. A lock of a process of
// this machine that has ended is nobody's at once.
//
// The lock only saves work. No result depends on it: what is made under a key has the same bytes whoever makes it, and
// is put whole. So two owners at once, as after a pause of lockExpires and more, do no harm.
var (
	lockBeat    = 10 * time.Second
	lockExpires = 40 * time.Second
	lockLook    = time.Second // between two looks of one who waits to see whether a lock is renewed
)

// lock is the content of such an object.
type lock struct {
	Owner string `json:"owner"`
	process.ID
	Beat int `json:"beat"`
}

const mostLock = 4 << 10 // bytes of a lock that are read

// gone reports whether the owner is a process of this machine that ended.
func (l lock) gone() bool {
	if l.Here() {
		return !mine.has(l.Owner) // of an earlier process with this number
	}
	return l.Gone()
}

// owners are those of this process.
type owners struct {
	sync.Mutex
	of map[string]bool
}

var mine = owners{of: map[string]bool{}}

func (o *owners) has(owner string) bool {
	o.Lock()
	defer o.Unlock()
	return o.of[owner]
}

func (o *owners) set(owner string, held bool) {
	o.Lock()
	defer o.Unlock()
	if held {
		o.of[owner] = true
	} else {
		delete(o.of, owner)
	}
}

// Lock locks a path in a bucket; held is false if another owner was seen to renew its lock. A lock that nobody renews
// is taken over, after lockExpires. release may be called several times.
func Lock(path string) (release func(), held bool, err error) {
	l := lock{Owner: rand.Text(), ID: process.This()}
	for {
		mine.set(l.Owner, true)
		put, err := PutNew(path, l.text())
		if err == nil && put {
			return l.keep(path), true, nil
		}
		mine.set(l.Owner, false)
		if err != nil {
			return nil, false, err
		}
		dead, busy, err := locked(path)
		if busy || err != nil {
			return nil, false, err
		}
		if now, _, err := readLock(path); err != nil || now.Owner != dead.Owner {
			continue // another took it meanwhile, or it is gone
		}
		if err := Remove(path); err != nil {
			return nil, false, err
		}
	}
}

// Locked reports whether somebody holds a lock. If a lock is there that nobody renews, the answer takes lockExpires.
func Locked(path string) (bool, error) {
	_, busy, err := locked(path)
	return busy, err
}

// locked also returns the lock that is there and is nobody's.
func locked(path string) (dead lock, busy bool, err error) {
	first, seen, err := readLock(path)
	for begun := time.Now(); err == nil; {
		if first.gone() || time.Since(begun) > lockExpires {
			return first, false, nil
		}
		if mine.has(first.Owner) {
			return first, true, nil
		}
		time.Sleep(lockLook)
		var now []byte
		if _, now, err = readLock(path); err == nil && !bytes.Equal(now, seen) {
			return first, true, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return lock{}, false, err
}

func readLock(path string) (l lock, text []byte, err error) {
	if text, err = Read(path, mostLock); err == nil {
		_ = json.Unmarshal(text, &l) // anything else has no owner and no beat, and expires
	}
	return l, text, err
}

func (l lock) text() []byte {
	text, err := json.Marshal(l)
	if err != nil {
		panic(err) // it has strings and numbers
	}
	return append(text, '\n')
}

// keep renews a lock until it is released. A lock that another process took over meanwhile is left to it.
func (l lock) keep(path string) (release func()) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		beat := time.NewTicker(lockBeat)
		defer beat.Stop()
		for {
			select {
			case <-stop:
				return
			case <-beat.C:
			}
			if now, _, err := readLock(path); err != nil || now.Owner != l.Owner {
				continue // lost, or not to be seen now
			}
			l.Beat++
			_ = Put(path, func(w io.Writer) error { _, err := w.Write(l.text()); return err }) // else at the next beat
		}
	}()
	return sync.OnceFunc(func() {
		close(stop)
		<-stopped
		if now, _, err := readLock(path); err == nil && now.Owner == l.Owner {
			_ = Remove(path) // what stays is nobody's by then
		}
		mine.set(l.Owner, false)
	})
}
