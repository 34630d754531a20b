package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// scratch keeps what is to be put: in memory, and what is larger in a file that has no name.
type scratch struct {
	memory bytes.Buffer
	file   *os.File
	size   int64
}

const mostMemory = 4 << 20

func (s *scratch) Write(p []byte) (int, error) {
	if s.file == nil && s.memory.Len()+len(p) > mostMemory {
		f, err := os.CreateTemp("", "mgd3-*")
		if err != nil {
			return 0, err
		}
		s.file = f
		_ = os.Remove(f.Name()) // so it goes with the process; some systems cannot, see close
		if _, err := s.memory.WriteTo(f); err != nil {
			return 0, err
		}
	}
	s.size += int64(len(p))
	if s.file != nil {
		return s.file.Write(p)
	}
	return s.memory.Write(p)
}

// reader reads it from the beginning.
func (s *scratch) reader() io.Reader {
	if s.file != nil {
		return io.NewSectionReader(s.file, 0, s.size)
	}
	return bytes.NewReader(s.memory.Bytes())
}

func (s *scratch) close() {
	if s.file != nil {
		_ = s.file.Close()
		_ = os.Remove(s.file.Name())
	}
}

// Put puts what fill writes at a path in a bucket, in place of what is there. Errors of fill are returned as they
// are; others are an [ErrStore].
func Put(path string, fill func(io.Writer) error) error {
	b, key, _ := find(path)
	var s scratch
	defer s.close()
	if err := fill(&s); err != nil {
		return err
	}
	return b.put(context.Background(), key, &s, false)
}

// put does so once; again after errors of the store.
func (b *bucket) put(ctx context.Context, key string, s *scratch, isNew bool) error {
	return b.try(ctx, key, s.size, func(ctx context.Context, opened *blob.Bucket) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		w, err := opened.NewWriter(ctx, key, &blob.WriterOptions{ContentType: "application/octet-stream",
			IfNotExist: isNew, MaxConcurrency: 2})
		if err != nil {
			return err
		}
		if _, err := io.Copy(w, s.reader()); err != nil {
			cancel() // so that Close does not take half of it for all
			return errors.Join(err, w.Close())
		}
		err = w.Close()
		if isNew && exists(err) { // perhaps of a try before, ours or the client's own, whose answer was lost
			have, errRead := opened.ReadAll(ctx, key)
			if errRead == nil && bytes.Equal(have, s.memory.Bytes()) {
				return nil
			}
		}
		return err
	})
}

// exists reports whether an error of a put says that something is there already.
func exists(err error) bool {
	code := gcerrors.Code(err)
	return code == gcerrors.FailedPrecondition || code == gcerrors.AlreadyExists
}

// PutNew puts data at a path in a bucket if nothing is there; put is false if something does. Two who come
// together never both put. A store without conditional puts is an [ErrStore].
func PutNew(path string, data []byte) (put bool, err error) {
	b, key, _ := find(path)
	var s scratch
	s.memory.Write(data)
	s.size = int64(len(data))
	err = b.put(context.Background(), key, &s, true)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	return err == nil, err
}

// Remove removes the object at a path in a bucket, if it is there.
func Remove(path string) error {
	b, key, _ := find(path)
	err := b.try(context.Background(), key, 0, func(ctx context.Context, opened *blob.Bucket) error {
		return opened.Delete(ctx, key)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
