package store

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"gocloud.dev/blob"
)

// File is an open file, as [os.File] is one. ReadAt may be called from several goroutines.
type File interface {
	io.Reader
	io.ReaderAt
	io.Closer
	Stat() (fs.FileInfo, error)
}

// Open is [os.Open] of a file.
func Open(path string) (File, error) {
	b, key, ok := find(path)
	if !ok {
		return os.Open(path)
	}
	i, err := b.stat(context.Background(), key)
	if err != nil {
		return nil, err
	}
	return newObject(b, key, i), nil
}

// Reopen opens a file of which Stat or ReadDir said something; in a bucket this costs no request. One that is another
// by now is an [ErrChanged], in a bucket when it is read.
func Reopen(path string, known fs.FileInfo) (File, error) {
	if b, key, ok := find(path); ok {
		return newObject(b, key, known.(info)), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	have, err := f.Stat()
	if err == nil && (have.Size() != known.Size() || !have.ModTime().Equal(known.ModTime())) {
		err = fmt.Errorf("%s %w", path, ErrChanged)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// version is an object as it was when something was known of it.
type version struct {
	*bucket
	key string
	info

	mu    sync.Mutex
	next  int64 // the block behind the last request
	ahead int64 // blocks of the last request
}

// versions are those that were opened, so that who opens an object again finds its blocks.
var versions struct {
	sync.Mutex
	of map[string]*version // by address
}

// object is an open version; at is where Read goes on.
type object struct {
	*version
	at int64
}

func newObject(b *bucket, key string, i info) *object {
	versions.Lock()
	defer versions.Unlock()
	const most = 1 << 16
	if versions.of == nil || len(versions.of) > most {
		versions.of = map[string]*version{}
	}
	address := b.address(key)
	v, ok := versions.of[address]
	if !ok || v.size != i.size || ID(v.info) != ID(i) || !v.time.Equal(i.time) {
		v = &version{bucket: b, key: key, info: i}
		versions.of[address] = v
	}
	return &object{version: v}
}

func (o *object) Stat() (fs.FileInfo, error) { return o.info, nil }
func (o *object) Close() error               { return nil }

func (o *object) Read(p []byte) (int, error) {
	n, err := o.ReadAt(p, o.at)
	o.at += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// ReadAt reads more than a block by a request of its own, and less through blocks: the one that is needed, and of
// those who read on, up to mostAhead at once.
func (o *object) ReadAt(p []byte, at int64) (n int, err error) {
	end := min(at+int64(len(p)), o.size)
	switch {
	case at < 0:
		return 0, fmt.Errorf("%q: a read before its beginning", o.address(o.key))
	case at >= o.size:
		return 0, io.EOF
	case len(p) > blockSize:
		o.mu.Lock()
		o.next, o.ahead = 0, 1 // small reads between large ones are steps from one to the next
		o.mu.Unlock()
		if err = o.fetch(p[:end-at], at); err == nil {
			n = int(end - at)
		}
	default:
		for i := at / blockSize; i*blockSize < end && err == nil; i++ {
			var data []byte
			if data, err = o.block(i, (end-1)/blockSize); err == nil {
				n += copy(p[n:end-at], data[max(0, at-i*blockSize):])
			}
		}
	}
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// block returns block i; those up to last are needed as well.
func (v *version) block(i, last int64) ([]byte, error) {
	if data := kept.get(blockID{v, i}); data != nil {
		return data, nil
	}
	v.mu.Lock()
	const near = 2 // blocks over which somebody steps who reads on, from header to header say
	if v.next > 0 && i >= v.next && i-v.next <= near {
		v.ahead = min(2*v.ahead, mostAhead)
	} else {
		v.ahead = 1
	}
	count := min(max(v.ahead, last-i+1), (v.size+blockSize-1)/blockSize-i)
	v.next = i + count
	v.mu.Unlock()
	data := make([]byte, min(count*blockSize, v.size-i*blockSize))
	if err := v.fetch(data, i*blockSize); err != nil {
		return nil, err
	}
	for k := range count {
		kept.add(blockID{v, i + k}, data[k*blockSize:min((k+1)*blockSize, int64(len(data)))])
	}
	return data[:min(blockSize, len(data))], nil
}

// fetch fills p with what is at an offset.
func (v *version) fetch(p []byte, at int64) error {
	return v.try(context.Background(), v.key, int64(len(p)),
		func(ctx context.Context, opened *blob.Bucket) error {
			r, err := opened.NewRangeReader(ctx, v.key, at, int64(len(p)), nil)
			if err != nil {
				return err
			}
			defer r.Close()
			// stores give the time in seconds, in one place or another
			if r.Size() != v.size || r.ModTime().Unix() != v.time.Unix() {
				return failure{fmt.Sprintf("%q %v", v.address(v.key), ErrChanged), ErrChanged,
					v.scheme}
			}
			if _, err := io.ReadFull(r, p); err != nil {
				return fmt.Errorf("it broke off: %w", err)
			}
			return nil
		})
}

// Read reads a file of at most so many bytes, by one request in a bucket. More is an error that names the file.
func Read(path string, most int64) ([]byte, error) {
	b, key, ok := find(path)
	if !ok {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		data, err := io.ReadAll(io.LimitReader(f, most+1))
		if err == nil && int64(len(data)) > most {
			err = tooLong(path, most)
		}
		return data, err
	}
	var data []byte
	err := b.try(context.Background(), key, 0, func(ctx context.Context, opened *blob.Bucket) error {
		r, err := opened.NewReader(ctx, key, nil)
		if err != nil {
			return err
		}
		defer r.Close()
		if r.Size() > most {
			return failure{tooLong(b.address(key), most).Error(), nil, b.scheme}
		}
		data = make([]byte, r.Size())
		if _, err := io.ReadFull(r, data); err != nil {
			return fmt.Errorf("it broke off: %w", err)
		}
		return nil
	})
	return data, err
}

func tooLong(path string, most int64) error {
	return fmt.Errorf("%q: has more than %d bytes, want a smaller file", path, most)
}
