// Package atomicfile makes files appear only when they are complete: written beside their place under a
// name of their own, synced, and renamed into it. [Lock] says who may write what. Of a path in a bucket, see package
// store, an object is put whole, and a lock is an object too.
//
//	.mgd3-0123456789abcdef.tmp   a file in the making; its writer holds flock(2) on it
//	.NAME.lock                   who is at work on NAME; see lock.go
//
// A file in the making is opened with O_EXCL under a random name, so that no link is followed and no other
// writer disturbed. What killed writers left in a folder, the next process that writes there takes away: their
// files are not locked any more.
package atomicfile

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"

	"github.com/gofrs/flock"

	"mgd3/store"
)

// ErrWrite says that an output could not be written. Errors of the callback of [Write] are not among them.
var ErrWrite = errors.New("cannot be written")

// failed is an ErrWrite with the words of its cause.
type failed struct{ error }

func (failed) Is(target error) bool { return target == ErrWrite }
func (f failed) Unwrap() error      { return f.error }

// Failed makes an [ErrWrite] that names path of a system's error, which may name a file in the making.
func Failed(path string, err error) error {
	if err == nil || errors.Is(err, ErrWrite) {
		return err
	}
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		err = e.Err
	} else if e := (*os.LinkError)(nil); errors.As(err, &e) {
		err = e.Err
	}
	if info, errStat := os.Lstat(path); errStat == nil && info.IsDir() {
		return failed{fmt.Errorf("%q: is a folder, want a file there: %w", path, err)}
	}
	return failed{fmt.Errorf("%q: %w", path, err)}
}

// Write calls write with a buffer in front of a new file and then puts the file at path, in place of any older one.
// Missing folders are made. After an error, path is as it was and nothing is left beside it. What cannot be written
// is an [ErrWrite]. Calls for one path may come together: one of their files stays, whole. On a read-only disk a file
// that is there with the same bytes is as good as written, since a finished run may lie there.
func Write(path string, write func(io.Writer) error) error {
	if store.Is(path) {
		return unwritten(store.Put(path, write))
	}
	dir, name := filepath.Split(path)
	if dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return Failed(path, err)
		}
	}
	sweep(dir)
	removeOld(filepath.Join(dir, "."+name+".tmp"))
	f, unlock, err := create(dir)
	if errors.Is(err, syscall.EROFS) && holds(path, write) {
		return nil
	}
	if err != nil {
		return Failed(path, err)
	}
	defer unlock()
	if err := fill(f, path, write); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return errors.Join(Failed(path, err), os.Remove(f.Name()))
	}
	syncDir(dir)
	return nil
}

// WriteBytes is [Write] of a file whose content is known.
func WriteBytes(path string, data []byte) error {
	return Write(path, func(w io.Writer) error { _, err := w.Write(data); return err })
}

// WriteJSON is [Write] of a value as indented JSON.
func WriteJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return WriteBytes(path, append(data, '\n'))
}

// unwritten makes an [ErrWrite] of a store's error.
func unwritten(err error) error {
	if errors.Is(err, store.ErrStore) {
		return failed{err}
	}
	return err
}

// Append opens a file that grows in its place, for reading and writing; it and its folder are made if they
// are not there. Anything but a regular file is an [ErrWrite].
func Append(path string) (store.Growing, error) {
	if store.Is(path) {
		g, err := store.Grow(path)
		return g, unwritten(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, Failed(path, err)
	}
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, failed{fmt.Errorf("%q: is not a regular file", path)}
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, Failed(path, err)
	}
	return f, nil
}

// RemoveAppended removes what [Append] made, if it is there.
func RemoveAppended(path string) error {
	if store.Is(path) {
		return unwritten(store.RemoveGrown(path))
	}
	return Remove(path)
}

// TakeAppended takes what [Append] made, if it is there, away from whoever may append to it still, and keeps what is in
// it: another file with the same bytes takes its place, and the other goes on in the file that it has open. In a
// bucket nothing needs to be taken: everybody works on a copy, and puts parts whole.
func TakeAppended(path string) error {
	if store.Is(path) {
		return nil
	}
	from, err := Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer from.Close()
	return Write(path, func(w io.Writer) error { _, err := io.Copy(w, from); return err })
}

// Remove removes a file if it is there. Several processes may remove it at once.
func Remove(path string) error {
	if store.Is(path) {
		return unwritten(store.Remove(path))
	}
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil // on a read-only disk even the removal of nothing fails
	}
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another was faster
	}
	return Failed(path, err)
}

// holds reports whether the file at path has the bytes that write writes.
func holds(path string, write func(io.Writer) error) bool {
	f, err := Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	c := &comparer{bufio.NewReader(f)}
	if write(c) != nil {
		return false
	}
	_, err = c.have.ReadByte()
	return err == io.EOF
}

// comparer takes the bytes that it has.
type comparer struct{ have *bufio.Reader }

func (c *comparer) Write(p []byte) (int, error) {
	have := make([]byte, len(p))
	if _, err := io.ReadFull(c.have, have); err != nil || !bytes.Equal(have, p) {
		return 0, fs.ErrExist
	}
	return len(p), nil
}

// fill writes, syncs and closes a new file that will be path.
func fill(f *os.File, path string, write func(io.Writer) error) error {
	out := &output{file: f, path: path}
	buffer := bufio.NewWriterSize(out, 1<<16)
	if err := write(buffer); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := buffer.Flush(); err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(Failed(path, f.Sync()), Failed(path, f.Close()))
}

// output marks the errors of a file's writes.
type output struct {
	file *os.File
	path string
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.file.Write(p)
	return n, Failed(o.path, err)
}

// temporary is the name of a file in the making: short, so that it is not too long where the file's own is not.
var temporary = regexp.MustCompile(`^\.mgd3-[0-9a-f]{16}\.tmp$`)

// IsTemporary reports whether a file of that name is in the making, or was left by a killed process.
func IsTemporary(name string) bool { return temporary.MatchString(name) }

// random is 16 hex digits.
func random() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// create opens a new file in the making and locks it, where the system can.
func create(dir string) (f *os.File, unlock func(), err error) {
	for {
		name := filepath.Join(dir, ".mgd3-"+random()+".tmp")
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		l := flock.New(name, flock.SetFlag(os.O_RDONLY))
		ok, err := l.TryLock()
		if err != nil { // a file system without locks: nobody takes anything away there
			if _, gone := os.Lstat(name); gone == nil {
				return f, func() {}, nil
			}
		}
		if ok && isAt(l, name) {
			return f, func() { _ = l.Unlock() }, nil
		}
		_ = l.Unlock() // another process took it for left behind, between the two lines
		_ = f.Close()
	}
}

// swept are the folders whose leftovers this process has looked for.
var swept sync.Map

// sweep takes away what killed processes left in a folder, once in each process.
func sweep(dir string) {
	if dir == "" {
		dir = "."
	}
	if _, done := swept.LoadOrStore(filepath.Clean(dir), true); done {
		return
	}
	entries, _ := os.ReadDir(dir) // a folder that cannot be read keeps what it has
	for _, entry := range entries {
		if !entry.Type().IsRegular() || !IsTemporary(entry.Name()) {
			continue
		}
		name := filepath.Join(dir, entry.Name())
		l := flock.New(name, flock.SetFlag(os.O_RDONLY))
		if ok, err := l.TryLock(); ok && err == nil {
			_ = os.Remove(name)
		}
		_ = l.Unlock()
	}
}

// removeOld takes away what a killed process of an earlier version left: ".NAME.tmp". A link of that name stays.
func removeOld(name string) {
	if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() {
		_ = os.Remove(name)
	}
}

// syncDir makes a rename in dir last through a power cut, where the system can; where it cannot,
// the file is complete all the same.
func syncDir(dir string) {
	if dir == "" {
		dir = "."
	}
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}
