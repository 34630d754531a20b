package lease

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mgd3/stage/atomicfile"
)

// Store is what leases need of the place where they are kept: objects of some bytes, of which only the first put of a
// name may succeed. A folder that machines share has it, and so has a bucket whose puts take "If-None-Match: *" (S3) or
// generation 0 (Google). Times are the store's: no machine's clock is asked.
type Store interface {
	// Create puts an object where there is none and returns its time. Where there is one it is an [fs.ErrExist]; where
	// it was put and somebody took it away before its time was known it may be an [fs.ErrNotExist].
	Create(ctx context.Context, name, text string) (time.Time, error)
	// Renew puts an object in the place of the one that is there, and so makes its time now. Where there is none it may
	// be an [fs.ErrNotExist].
	Renew(ctx context.Context, name, text string) (time.Time, error)
	// Read returns the text of an object. Where there is none it is an [fs.ErrNotExist].
	Read(ctx context.Context, name string) (string, error)
	// Exists reports whether there is an object of that name.
	Exists(ctx context.Context, name string) (bool, error)
	// List returns the objects whose names begin with prefix, and when they were put. There may be none.
	List(ctx context.Context, prefix string) (map[string]time.Time, error)
	// Remove removes an object if it is there.
	Remove(ctx context.Context, name string) error
}

const mostText = 4 << 10 // bytes of an object; a worker's name is shorter

// Folder is the [Store] in a folder. Its time is that of the file system, which a server gives where there is one.
type Folder string

func (f Folder) put(name, text string, flags int) (at time.Time, err error) {
	path := filepath.Join(string(f), name)
	if err := os.MkdirAll(string(f), 0o755); err != nil {
		return at, atomicfile.Failed(path, err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|flags, 0o644)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return at, err
	}
	if err != nil {
		return at, atomicfile.Failed(path, err)
	}
	_, err = file.WriteString(text) // in place, so that a full disk has room for it
	info, errStat := file.Stat()
	if err = errors.Join(err, errStat, file.Close()); err != nil {
		return at, atomicfile.Failed(path, err)
	}
	return info.ModTime(), nil
}

// Create is that of [Store]: the system makes the file for one process alone.
func (f Folder) Create(_ context.Context, name, text string) (time.Time, error) {
	return f.put(name, text, os.O_CREATE|os.O_EXCL)
}

// Renew is that of [Store].
func (f Folder) Renew(_ context.Context, name, text string) (time.Time, error) {
	return f.put(name, text, 0)
}

// Read is that of [Store].
func (f Folder) Read(_ context.Context, name string) (string, error) {
	text, err := atomicfile.Read(filepath.Join(string(f), name), mostText)
	return string(text), err
}

// Exists is that of [Store].
func (f Folder) Exists(_ context.Context, name string) (bool, error) {
	return atomicfile.Exists(filepath.Join(string(f), name))
}

// List is that of [Store]. A file is opened for its time, since NFS keeps that of a file which is looked at only.
func (f Folder) List(ctx context.Context, prefix string) (map[string]time.Time, error) {
	entries, err := os.ReadDir(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list := map[string]time.Time{}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), prefix) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		at, err := modified(filepath.Join(string(f), entry.Name()), entry)
		if errors.Is(err, fs.ErrNotExist) {
			continue // gone meanwhile
		}
		if err != nil {
			return nil, err
		}
		list[entry.Name()] = at
	}
	return list, nil
}

func modified(path string, entry fs.DirEntry) (at time.Time, err error) {
	if !entry.Type().IsRegular() || isDone(entry.Name()) { // nobody asks for its time
		return at, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return at, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return at, err
	}
	return info.ModTime(), nil
}

// Remove is that of [Store].
func (f Folder) Remove(_ context.Context, name string) error {
	return atomicfile.Remove(filepath.Join(string(f), name))
}
