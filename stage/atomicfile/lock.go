package atomicfile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"mgd3/store"
)

// ErrBusy says that another process is at work on the same output.
var ErrBusy = errors.New("another mgd3 is at work on it")

// Lock takes the file or folder at path, which need not exist, for this process alone, or says [ErrBusy].
// The system takes the lock back when the process dies, so nothing is ever left locked. Where nothing
// can be written, on a read-only disk, there is nothing to lock, and no error. Folders that are made for it go again
// with the lock if they are empty then: what fails before it writes leaves nothing.
func Lock(path string) (unlock func(), err error) {
	return LockIn(filepath.Dir(path), func() (func(), error) { return take(path, false) })
}

// LockIn takes a lock in a folder that it makes first, as [Lock] does.
func LockIn(dir string, take func() (func(), error)) (unlock func(), err error) {
	if store.Is(dir) { // there are no folders in it
		return take()
	}
	for {
		made, err := makeDir(dir)
		if err != nil {
			return nil, Failed(dir, err)
		}
		unlock, err := take()
		switch {
		case errors.Is(err, fs.ErrNotExist) && !isDir(dir):
			continue // another process made the folder, and took it away
		case err != nil:
			removeEmpty(made)
			return nil, err
		}
		return func() { unlock(); removeEmpty(made) }, nil
	}
}

// makeDir makes a folder and those above it, and returns what it made, inner ones first.
func makeDir(dir string) (made []string, err error) {
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		if _, err := os.Lstat(at); !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			break
		}
		made = append(made, at)
	}
	return made, os.MkdirAll(dir, 0o755)
}

func removeEmpty(dirs []string) {
	for _, dir := range dirs {
		if os.Remove(dir) != nil { // it has something in it
			return
		}
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// Share takes path against those who [Lock] it, and with others who share it, or says [ErrBusy]. No
// folder is made for it.
func Share(path string) (unlock func(), err error) { return take(path, true) }

// Wait is [Lock] that waits until whoever has it is done.
func Wait(ctx context.Context, path string) (unlock func(), err error) {
	for {
		unlock, err := Lock(path)
		if !errors.Is(err, ErrBusy) {
			return unlock, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// take locks the lock file of path. It goes when its lock does: whoever opened it before begins anew.
func take(path string, share bool) (unlock func(), err error) {
	name := LockFile(path)
	if store.Is(path) {
		return takeInBucket(path, name, share)
	}
	for {
		if info, err := os.Lstat(name); err == nil && !info.Mode().IsRegular() {
			return nil, failed{fmt.Errorf("%q: is where a lock must be, and is not a regular file", name)}
		}
		l := flock.New(name, flock.SetPermissions(0o644))
		try := l.TryLock
		if share {
			try = l.TryRLock
		}
		ok, err := try()
		switch {
		case err != nil && nothingToLock(name, share, err):
			return func() {}, nil
		case err != nil:
			return nil, Failed(path, err)
		case !ok:
			return nil, fmt.Errorf("%q: %w", path, ErrBusy)
		case isAt(l, name):
			return func() { release(l, name) }, nil
		}
		_ = l.Unlock()
	}
}

// takeInBucket is take in a bucket. Readers (share) write no lock, so nobody waits for them: an object that is replaced
// while they read stays whole. Whoever may not write to the bucket has nothing to lock.
func takeInBucket(path, name string, share bool) (unlock func(), err error) {
	held := true
	if share {
		var busy bool
		busy, err = store.Locked(name)
		unlock, held = func() {}, !busy
	} else {
		unlock, held, err = store.Lock(name)
	}
	switch {
	case errors.Is(err, store.ErrRefused):
		return func() {}, nil
	case err != nil:
		return nil, unwritten(err)
	case !held:
		return nil, fmt.Errorf("%q: %w", path, ErrBusy)
	}
	return unlock, nil
}

// release unlocks; the lock file goes unless others share it.
func release(l *flock.Flock, name string) {
	if ok, err := l.TryLock(); ok && err == nil {
		_ = os.Remove(name) // fails on systems where open files stay
	}
	_ = l.Unlock()
}

// nothingToLock reports whether an error of opening a lock file says that nobody can write beside it,
// or, to those who only read, that they cannot.
func nothingToLock(name string, share bool, err error) bool {
	_, there := os.Lstat(name)
	missing := errors.Is(there, fs.ErrNotExist)
	return errors.Is(err, syscall.EROFS) || share && missing && errors.Is(err, fs.ErrNotExist) ||
		errors.Is(err, fs.ErrPermission) && (share || missing)
}

// isAt reports whether the open file of l is the one at name still.
func isAt(l *flock.Flock, name string) bool {
	mine, errMine := l.Stat()
	there, errThere := os.Lstat(name)
	return errMine == nil && errThere == nil && os.SameFile(mine, there)
}

// LockFile is the path of the lock file of path.
func LockFile(path string) string {
	dir, name := filepath.Split(filepath.Clean(path))
	const most = 255 - len(".") - len(".lock") // bytes; file systems end at 255
	if len(name) > most {
		sum := sha256.Sum256([]byte(name))
		name = hex.EncodeToString(sum[:16])
	}
	return filepath.Join(dir, "."+name+".lock")
}
