package weights

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/edsrzf/mmap-go"
)

// place is a file system and how its paths are joined.
type place struct {
	fs.FS
	join func(...string) string
}

// disk takes the paths of the operating system.
var disk = place{host{}, filepath.Join}

type host struct{}

func (host) Open(path string) (fs.File, error)     { return os.Open(path) }
func (host) Stat(path string) (fs.FileInfo, error) { return os.Stat(path) } // opens no pipe

// source is the content of one file: mapped where the system can, read otherwise.
//
// A file that another program cuts short while it is mapped ends the process when the lost
// part is touched; files are replaced by renaming, never rewritten.
type source struct {
	name   string    // path, for messages
	data   []byte    // nil once closed
	mapped mmap.MMap // nil if data was read
}

// openSource opens the regular file at path.
func openSource(in place, path string) (*source, error) {
	info, err := fs.Stat(in.FS, path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w: it is not a regular file", path, ErrFormat)
	}
	if info.Size() == 0 { // cannot be mapped
		return &source{name: path, data: []byte{}}, nil
	}
	file, err := in.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() // the map stays
	if file, ok := file.(*os.File); ok {
		if mapped, err := mmap.Map(file, mmap.RDONLY, 0); err == nil {
			return &source{path, mapped, mapped}, nil
		}
	}
	data, err := fs.ReadFile(in.FS, path)
	return &source{name: path, data: data}, err
}

func (s *source) close() error {
	s.data = nil
	if s.mapped == nil {
		return nil
	}
	return s.mapped.Unmap()
}

// closeAll closes every source and returns their errors joined.
func closeAll(sources []*source) error {
	var errs []error
	for _, s := range sources {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}
