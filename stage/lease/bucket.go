package lease

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"mgd3/store"
)

// Bucket is the [Store] below a path in a bucket, see package store. Its time is that of the store.
type Bucket string

// leastInBucket is the shortest term of a lease in a bucket, whose times are whole seconds. The holder renews every
// quarter of the term T, and a time that is cut to the second makes a lease look up to 1 s older than it is. If one
// renewal fails and the next is there after a wait of w for the store, a live lease looks T/2 + w + 1 s old, which has
// to be below T: at 5 s the store may take w = 1.5 s. At 1 s that is never so.
const leastInBucket = 5 * time.Second

// storeIn is the [Store] in a folder, on disk or in a bucket.
func storeIn(dir string) Store {
	if store.Is(dir) {
		return Bucket(dir)
	}
	return Folder(dir)
}

func (b Bucket) at(name string) string { return filepath.Join(string(b), name) }

func (b Bucket) time(name string) (at time.Time, err error) {
	info, err := store.Stat(b.at(name))
	if err == nil {
		at = info.ModTime()
	}
	return at, err
}

// Create is that of [Store], by a conditional put.
func (b Bucket) Create(_ context.Context, name, text string) (at time.Time, err error) {
	put, err := store.PutNew(b.at(name), []byte(text))
	switch {
	case err != nil:
		return at, err
	case !put:
		return at, fs.ErrExist
	}
	return b.time(name)
}

// Renew is that of [Store].
func (b Bucket) Renew(_ context.Context, name, text string) (at time.Time, err error) {
	err = store.Put(b.at(name), func(w io.Writer) error { _, err := io.WriteString(w, text); return err })
	if err != nil {
		return at, err
	}
	return b.time(name)
}

// Read is that of [Store].
func (b Bucket) Read(_ context.Context, name string) (string, error) {
	text, err := store.Read(b.at(name), mostText)
	return string(text), err
}

// Exists is that of [Store].
func (b Bucket) Exists(_ context.Context, name string) (bool, error) {
	_, err := b.time(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// List is that of [Store]: a request for each thousand objects in the folder.
func (b Bucket) List(_ context.Context, prefix string) (map[string]time.Time, error) {
	entries, err := store.ReadDir(string(b))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	list := map[string]time.Time{}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), prefix) {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			return nil, err
		}
		list[entry.Name()] = info.ModTime()
	}
	return list, err
}

// Remove is that of [Store].
func (b Bucket) Remove(_ context.Context, name string) error { return store.Remove(b.at(name)) }
