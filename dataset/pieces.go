package dataset

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"mgd3/store"
)

// piece is a file on disk that holds many images: a tar, a table, rows of pixels. It is opened for each
// read, so that a set may have thousands. Links are followed wherever they lead: the hub's cache is made of them.
type piece struct {
	path string
	size int64
	info fs.FileInfo
}

func newPiece(path string) (piece, error) {
	info, err := store.Stat(path)
	if err != nil {
		dir, name := filepath.Split(path)
		return piece{}, folder{dir: dir}.explain(name, err)
	}
	if !info.Mode().IsRegular() {
		return piece{}, fmt.Errorf("%s is not a file", path)
	}
	return piece{path, info.Size(), info}, nil
}

// name is that of the file without its ending.
func (p piece) name() string {
	base := filepath.Base(p.path)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// id changes when the file does.
func (p piece) id() string { return fmt.Sprintf("%s/%d", store.ID(p.info), p.size) }

// open opens the file, and says so if it is another by now.
func (p piece) open() (store.File, error) {
	f, err := store.Reopen(p.path, p.info)
	if errors.Is(err, store.ErrChanged) {
		err = fmt.Errorf("%s %w", p.path, errChanged)
	}
	return f, err
}

// ReadAt is that of [io.ReaderAt].
func (p piece) ReadAt(b []byte, at int64) (int, error) {
	f, err := p.open()
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.ReadAt(b, at)
}

// section returns size bytes of the file.
func (p piece) section(at, size int64) ([]byte, error) {
	if store.Is(p.path) && size <= maxFile && at+size <= p.size { // by one request
		data := make([]byte, size)
		_, err := p.ReadAt(data, at)
		return data, err
	}
	return readFile(size, func() (io.ReadCloser, error) {
		f, err := p.open()
		if err != nil {
			return nil, err
		}
		return struct {
			io.Reader
			io.Closer
		}{io.NewSectionReader(f, at, size), f}, nil
	})
}

// newPieces returns the pieces of names in dir.
func newPieces(dir string, names []string) ([]piece, error) {
	pieces := make([]piece, len(names))
	for i, name := range names {
		var err error
		if pieces[i], err = newPiece(filepath.Join(dir, name)); err != nil {
			return nil, err
		}
	}
	return pieces, nil
}
