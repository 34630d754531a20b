package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"mgd3/store"
)

// folder is a set of files on disk, or of objects in a bucket. Links are followed, as torchvision's ImageFolder does,
// or only while they stay inside, which os.Root sees to.
type folder struct {
	dir  string
	root *os.Root // nil if links may lead out
}

func openFolder(dir string, keepIn bool) (source, lister, error) {
	f := folder{dir: dir}
	if keepIn && !store.Is(dir) {
		var err error
		if f.root, err = os.OpenRoot(dir); err != nil {
			return nil, nil, err
		}
	}
	return f, f, nil
}

func (f folder) Close() error {
	if f.root == nil {
		return nil
	}
	return f.root.Close()
}

func (f folder) at(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

func (f folder) open(name string) (io.ReadCloser, error) {
	if f.root != nil {
		r, err := f.root.Open(name)
		return r, f.explain(name, err)
	}
	r, err := store.Open(f.at(name))
	return r, f.explain(name, err)
}

// entries returns what is in a folder, in byte order.
func (f folder) entries(dir string) ([]fs.DirEntry, error) {
	if f.root != nil {
		entries, err := fs.ReadDir(f.root.FS(), dir)
		return entries, f.explain(dir, err)
	}
	entries, err := store.ReadDir(f.at(dir))
	return entries, f.explain(dir, err)
}

func (f folder) stat(name string) (fs.FileInfo, error) {
	if f.root != nil {
		info, err := f.root.Stat(name)
		return info, f.explain(name, err)
	}
	info, err := store.Stat(f.at(name))
	return info, f.explain(name, err)
}

// errLink says that a link leads to nothing.
var errLink = errors.New("which is not there")

// explained is an error of a file, in words of its own.
type explained struct {
	error
	text string
}

func (e explained) Error() string { return e.text }
func (e explained) Unwrap() error { return e.error }

// explain says in words what is wrong with a file that cannot be opened.
func (f folder) explain(name string, err error) error {
	if err == nil {
		return nil
	}
	var p *fs.PathError
	if errors.As(err, &p) { // of which the words say the name only
		err = explained{&fs.PathError{Op: p.Op, Path: f.at(name), Err: p.Err}, p.Err.Error()}
	}
	target, errLinked := os.Readlink(f.at(name))
	switch {
	case errLinked != nil:
		return fmt.Errorf("%q: %w", name, err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%q is a link to %q, %w", name, target, errLink)
	case errors.Is(err, syscall.ELOOP):
		return fmt.Errorf("%q is a link to %q, %w: the links lead in a circle", name, target, errLink)
	case f.root != nil:
		return fmt.Errorf("%q is a link that %w, to %q", name, ErrLeaves, target)
	}
	return fmt.Errorf("%q is a link to %q: %w", name, target, err)
}

func (f folder) read(path string, ref Ref) ([]byte, error) {
	return readFile(ref.Size, func() (io.ReadCloser, error) {
		if !store.Is(f.dir) {
			return f.open(path)
		}
		data, err := store.Read(f.at(path), maxFile) // by one request
		return io.NopCloser(bytes.NewReader(data)), err
	})
}

func (f folder) list(dir string) (listing, error) {
	entries, err := f.entries(dir)
	if err != nil {
		return listing{}, err
	}
	var l listing
	for _, entry := range entries {
		if ignored(entry.Name()) {
			continue
		}
		if err := f.add(&l, dir, entry); err != nil {
			return listing{}, err
		}
	}
	return l, l.sort()
}

// add adds an entry of dir to its listing. An image is known again by its size and its time. A link to nothing that has
// the name of an image is one that cannot be read.
func (f folder) add(l *listing, dir string, entry fs.DirEntry) error {
	name, kind := entry.Name(), entry.Type()
	if kind.IsRegular() && !isImage(name) {
		l.other(kindOfEnding(name), name)
		l.list(file{name: name})
		return nil
	}
	info, err := entry.Info()
	if kind == fs.ModeSymlink {
		info, err = f.stat(path.Join(dir, name))
	}
	switch {
	case errors.Is(err, errLink) && isImage(name):
		l.images = append(l.images, file{name: name})
	case errors.Is(err, errLink):
		l.dangling = append(l.dangling, err)
		l.other(passedLink, name)
	case err != nil:
		return err
	case info.IsDir():
		l.folders = append(l.folders, name)
		if kind == fs.ModeSymlink {
			l.linked = append(l.linked, name)
		}
	case isImage(name) && !info.Mode().IsRegular():
		return fmt.Errorf("%q is a pipe, a socket or a device, want a file", path.Join(dir, name))
	case isImage(name):
		l.images = append(l.images, file{name: name, size: info.Size(),
			id: store.ID(info)})
	case !info.Mode().IsRegular():
		l.other(passedSpecial, name)
	default:
		l.other(kindOfEnding(name), name)
		l.list(file{name: name})
	}
	return nil
}
