package weights

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"syscall"

	"github.com/edsrzf/mmap-go"

	"mgd3/store"
)

// place is a file system and how its paths are joined.
type place struct {
	fs.FS
	join func(...string) string
}

// disk takes the paths of the operating system.
var disk = place{host{}, filepath.Join}

type host struct{}

// Open opens files and folders. A pipe, which would wait for who writes to it, or a device is an error.
func (host) Open(path string) (fs.File, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		err = notFile(path, info.Mode())
	}
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

func (host) Stat(path string) (fs.FileInfo, error) { return os.Stat(path) } // opens no pipe

// source is the content of one file: mapped where the system can, read otherwise.
type source struct {
	name   string    // path, for messages
	data   []byte    // nil once closed
	mapped mmap.MMap // nil if data was read
	file   *os.File  // of the map
}

// openSource opens the regular file at path.
func openSource(in place, path string) (*source, error) {
	info, err := fs.Stat(in.FS, path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, notFile(path, info.Mode())
	}
	if info.Size() == 0 { // cannot be mapped
		return &source{name: path, data: []byte{}}, nil
	}
	file, err := in.Open(path)
	if err != nil {
		return nil, err
	}
	if file, ok := file.(*os.File); ok {
		if mapped, err := mmap.Map(file, mmap.RDONLY, 0); err == nil {
			return &source{path, mapped, mapped, file}, nil
		}
	}
	defer file.Close()
	data, err := fs.ReadFile(in.FS, path)
	return &source{name: path, data: data}, err
}

// notFile is the error of what is no regular file.
func notFile(path string, m fs.FileMode) error {
	return fmt.Errorf("%q %w: it is %s, want a file", path, ErrUnreadable, kindOfMode(m))
}

// kindOfMode names what is no regular file.
func kindOfMode(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&fs.ModeNamedPipe != 0:
		return "a pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "no regular file"
}

// read calls use, which reads s.data: the one place where that is done. A file that another program cuts short while
// it is mapped has no bytes where the map has them, and a touch of these would end the process; here it is an error.
// Within the last page there are zeros in their place, so the size is looked at afterwards.
func (s *source) read(use func() error) (err error) {
	if s.mapped == nil {
		return use()
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch r := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }: // a runtime.Error of a fault
			err = s.lost()
		default:
			panic(r)
		}
	}()
	err = use()
	if errors.Is(err, syscall.EFAULT) { // the fault was in a system call
		return s.lost()
	}
	if info, errStat := s.file.Stat(); errStat == nil && info.Size() < int64(len(s.mapped)) {
		return s.lost()
	}
	return err
}

// letGo is letGo of a part of s.data, where that is a map.
func (s *source) letGo(part []byte) {
	if s.mapped != nil {
		letGo(part)
	}
}

// blobName is what files are called in the hub's cache that lie there under their SHA-256.
var blobName = regexp.MustCompile(`^[0-9a-f]{64}$`)

// knownSum returns the SHA-256 that the hub's cache has of the file, to which path is a link there; "" if none is
// known.
func (s *source) knownSum() string {
	if s.mapped == nil {
		return ""
	}
	target, err := filepath.EvalSymlinks(s.name)
	dir, name := filepath.Split(target)
	if err != nil || filepath.Base(dir) != "blobs" || !blobName.MatchString(name) {
		return ""
	}
	return name
}

// lost is the error of a map that has no bytes: of a file that has become shorter, or of a disk that failed.
func (s *source) lost() error {
	if info, err := s.file.Stat(); err == nil && info.Size() >= int64(len(s.mapped)) {
		return &fs.PathError{Op: "read", Path: s.name, Err: syscall.EIO}
	}
	return fmt.Errorf("%s: %w: another program cut it short while it was read; want it unchanged, of %d bytes", s.name,
		ErrFormat, len(s.mapped))
}

// invalid is an [ErrFormat] of the file at path, but where the place of the file failed.
func invalid(path string, err error) error {
	if store.Failed(err) {
		return fmt.Errorf("%s: %w", path, err)
	}
	return fmt.Errorf("%s: %w: %w", path, ErrFormat, err)
}

func (s *source) close() error {
	s.data = nil
	if s.mapped == nil {
		return nil
	}
	return errors.Join(s.mapped.Unmap(), s.file.Close())
}

// closeAll closes every source and returns their errors joined.
func closeAll(sources []*source) error {
	var errs []error
	for _, s := range sources {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}
