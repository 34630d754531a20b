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

// openObject opens a file of tensors in a bucket.
func openObject(path string) (*File, error) {
	data, err := store.Read(path, mostObject)
	if err != nil {
		return nil, err
	}
	return openAt(place{inBucket{path, data}, filepath.Join}, path)
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

// inBucket is a file system that has one file, at a path of any form.
type inBucket struct {
	path string
	data []byte
}

func (o inBucket) Stat(path string) (fs.FileInfo, error) {
	if path != o.path {
		return nil, &fs.PathError{Op: "stat", Path: path, Err: fs.ErrNotExist}
	}
	return objectInfo{o}, nil
}

func (o inBucket) Open(path string) (fs.File, error) {
	if _, err := o.Stat(path); err != nil {
		return nil, err
	}
	return objectFile{o, bytes.NewReader(o.data)}, nil
}

func (o inBucket) ReadFile(path string) ([]byte, error) {
	_, err := o.Stat(path)
	return o.data, err
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
