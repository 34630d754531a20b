package weights

import (
	"bytes"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"mgd3/store"
)

// mostObject is the size up to which a file in a bucket is read, in bytes: the latents of a million images.
const mostObject = 32 << 30

// readObject reads a file in a bucket and holds it against the checksum in it, as [CheckSeal].
func readObject(path string) (data []byte, sealed bool, err error) {
	if data, err = store.Read(path, mostObject); err != nil {
		return nil, false, err
	}
	if sealed, err = checkSeal(bytes.NewReader(data), int64(len(data))); err != nil {
		return data, sealed, fmt.Errorf("%q: %w", path, err)
	}
	return data, sealed, nil
}

// placeOf is where the file at a path is: on disk, or in a bucket, of which it is read to memory.
func placeOf(path string) (place, error) {
	if !store.Is(path) {
		return disk, nil
	}
	data, err := store.Read(path, mostObject)
	return place{inBucket{path, data}, filepath.Join}, err
}

// CheckSeal is [CheckSeal] of the file as it was opened.
func (f *File) CheckSeal() (sealed bool, err error) {
	o, ok := f.in.FS.(inBucket)
	if !ok {
		return CheckSeal(f.path)
	}
	if sealed, err = checkSeal(bytes.NewReader(o.data), int64(len(o.data))); err != nil {
		return sealed, fmt.Errorf("%q: %w", o.path, err)
	}
	return sealed, nil
}

// inBucket is a bucket as a file system, of which one file is in memory: its paths are those of package store.
type inBucket struct {
	path string
	data []byte
}

func (o inBucket) Stat(path string) (fs.FileInfo, error) {
	if path != o.path {
		return store.Stat(path)
	}
	return objectInfo{o}, nil
}

func (o inBucket) Open(path string) (fs.File, error) {
	if path != o.path {
		return store.Open(path)
	}
	return objectFile{o, bytes.NewReader(o.data)}, nil
}

func (o inBucket) ReadFile(path string) ([]byte, error) {
	if path != o.path {
		return store.Read(path, mostObject)
	}
	return o.data, nil
}

type objectFile struct {
	inBucket
	*bytes.Reader
}

func (f objectFile) Stat() (fs.FileInfo, error) { return objectInfo{f.inBucket}, nil }
func (objectFile) Close() error                 { return nil }

type objectInfo struct{ inBucket }

func (i objectInfo) Name() string     { return i.path }
func (i objectInfo) Size() int64      { return int64(len(i.data)) }
func (objectInfo) Mode() fs.FileMode  { return 0o444 }
func (objectInfo) ModTime() time.Time { return time.Time{} }
func (objectInfo) IsDir() bool        { return false }
func (objectInfo) Sys() any           { return nil }
