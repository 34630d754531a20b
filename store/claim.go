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

// A claim is an object at the place of a lock, put by a conditional put:
//
//	{"owner": "0123…", "host": "…", "pid": 4711, "beat": 3}
//
// Its owner puts it again every claimBeat with the next beat. One that stays the same for claimDies is nobody's any
// more, by the clock of who looks, whatever the clocks of others say; so is that of a process of this machine that is
// gone, at once. It keeps two from doing the same work. Nothing depends on it but time: what is made under a key has
// the same bytes whoever makes it, and is put whole.
var (
	claimBeat = 10 * time.Second
	claimDies = 40 * time.Second
	claimLook = time.Second
)

// claim is what stands in such an object.
type claim struct {
	Owner string `json:"owner"`
	process.ID
	Beat int `json:"beat"`
}

const mostClaim = 4 << 10

// gone reports whether the owner is a process of this machine that ended.
func (c claim) gone() bool {
	if c.Here() {
		return !mine.has(c.Owner) // of an earlier process with this number
	}
	return c.Gone()
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

// Claim takes the place of a lock in a bucket; held is false if somebody is at work, who was seen to be. A claim that
// nobody renews is taken over, after claimDies.
func Claim(path string) (release func(), held bool, err error) {
	c := claim{Owner: rand.Text(), ID: process.This()}
	for {
		mine.set(c.Owner, true)
		put, err := PutNew(path, c.text())
		if err == nil && put {
			return c.keep(path), true, nil
		}
		mine.set(c.Owner, false)
		if err != nil {
			return nil, false, err
		}
		dead, busy, err := claimed(path)
		if busy || err != nil {
			return nil, false, err
		}
		if now, _, err := readClaim(path); err != nil || now.Owner != dead.Owner {
			continue // another took it meanwhile, or it is gone
		}
		if err := Remove(path); err != nil {
			return nil, false, err
		}
	}
}

// Claimed reports whether somebody has a claim. To see that nobody has, where one stands there, takes claimDies.
func Claimed(path string) (bool, error) {
	_, busy, err := claimed(path)
	return busy, err
}

// claimed also returns what stands there and is nobody's.
func claimed(path string) (dead claim, busy bool, err error) {
	first, seen, err := readClaim(path)
	for begun := time.Now(); err == nil; {
		if first.gone() || time.Since(begun) > claimDies {
			return first, false, nil
		}
		if mine.has(first.Owner) {
			return first, true, nil
		}
		time.Sleep(claimLook)
		var now []byte
		if _, now, err = readClaim(path); err == nil && !bytes.Equal(now, seen) {
			return first, true, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return claim{}, false, err
}

func readClaim(path string) (c claim, text []byte, err error) {
	if text, err = Read(path, mostClaim); err == nil {
		_ = json.Unmarshal(text, &c) // one that is none has no owner, and no beat
	}
	return c, text, err
}

func (c claim) text() []byte {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // it has strings and numbers
	}
	return append(text, '\n')
}

// keep renews a claim until it is released. One that another took over meanwhile is left to it.
func (c claim) keep(path string) (release func()) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		beat := time.NewTicker(claimBeat)
		defer beat.Stop()
		for {
			select {
			case <-stop:
				return
			case <-beat.C:
			}
			if now, _, err := readClaim(path); err != nil || now.Owner != c.Owner {
				continue // lost, or not to be seen now
			}
			c.Beat++
			_ = Put(path, func(w io.Writer) error { _, err := w.Write(c.text()); return err }) // else at the next beat
		}
	}()
	return sync.OnceFunc(func() {
		close(stop)
		<-stopped
		if now, _, err := readClaim(path); err == nil && now.Owner == c.Owner {
			_ = Remove(path) // what stays is nobody's by then
		}
		mine.set(c.Owner, false)
	})
}
