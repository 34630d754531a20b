package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// Growing is a file that grows in its place.
type Growing interface {
	io.ReadWriteSeeker
	Truncate(size int64) error
	Sync() error
	Close() error
	Name() string
}

// In a bucket it is a folder of parts, each called by its offset:
//
//	PATH/0000000000000000  PATH/0000000000400000  …       16 hex digits
//
// What is written is put as a part when there are partSize of it, when partTime is over at the next write, and by Sync
// and Close: a killed process loses no more. All of it also lies in a file without a name in the folder for temporary
// files.
const partSize = 4 << 20

var partTime = time.Minute

type growing struct {
	file *os.File // not embedded: its WriteString and ReadFrom would go past Write
	path string
	put  time.Time // when the last part was
	at   []int64   // offsets of the parts, in order
	end  int64     // behind the last part
	size int64
}

// Grow opens the file at a path in a bucket for reading and adding to it; it begins empty.
func Grow(path string) (Growing, error) {
	file, err := os.CreateTemp("", "mgd3-*")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(file.Name())
	g := &growing{file: file, path: path, put: time.Now()}
	if err := g.recover(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return g, nil
}

// recover fetches the parts that follow each other. Others were left by somebody who cut it short.
func (g *growing) recover() error {
	names, err := List(context.Background(), g.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		at, err := strconv.ParseInt(name, 16, 64)
		if err != nil || at != g.end {
			continue
		}
		data, err := Read(filepath.Join(g.path, name), 2*partSize)
		if err != nil {
			return err
		}
		if _, err := g.file.Write(data); err != nil {
			return err
		}
		g.at, g.end = append(g.at, at), g.end+int64(len(data))
	}
	g.size = g.end
	_, err = g.file.Seek(0, io.SeekStart)
	return err
}

func (g *growing) Name() string { return g.path }

func (g *growing) Read(p []byte) (int, error) { return g.file.Read(p) }

func (g *growing) Seek(offset int64, whence int) (int64, error) { return g.file.Seek(offset, whence) }

// Write adds p, where the file's end must be.
func (g *growing) Write(p []byte) (int, error) {
	n, err := g.file.Write(p)
	g.size += int64(n)
	if err == nil && (g.size-g.end >= partSize || time.Since(g.put) > partTime) {
		err = g.Sync()
	}
	return n, err
}

// Truncate cuts it at size. The part in which that is goes, and what of it stays is put anew with what follows.
func (g *growing) Truncate(size int64) error {
	if size > g.size {
		return fmt.Errorf("%q: has %d bytes, and is to be cut at %d", g.path, g.size, size)
	}
	for len(g.at) > 0 && g.end > size {
		last := g.at[len(g.at)-1]
		if err := Remove(g.part(last)); err != nil {
			return err
		}
		g.at, g.end = g.at[:len(g.at)-1], last
	}
	g.size = size
	return g.file.Truncate(size)
}

func (g *growing) part(at int64) string { return filepath.Join(g.path, fmt.Sprintf("%016x", at)) }

// Sync puts what is in no part yet.
func (g *growing) Sync() error {
	for g.end < g.size {
		n := min(g.size-g.end, partSize)
		part := io.NewSectionReader(g.file, g.end, n)
		err := Put(g.part(g.end), func(w io.Writer) error { _, err := io.Copy(w, part); return err })
		if err != nil {
			return err
		}
		g.at, g.end = append(g.at, g.end), g.end+n
	}
	g.put = time.Now()
	return nil
}

// Close puts what is in no part yet.
func (g *growing) Close() error { return errors.Join(g.Sync(), g.file.Close()) }

// RemoveGrown removes what Grow made at a path in a bucket, if it is there.
func RemoveGrown(path string) error {
	names, err := List(context.Background(), path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, name := range names {
		err = errors.Join(err, Remove(filepath.Join(path, name)))
	}
	return err
}
