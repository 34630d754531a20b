package dataset

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
)

// folder is a set of files on disk. Links are followed while they stay inside, which os.Root sees to.
type folder struct{ *os.Root }

func openFolder(path string) (source, lister, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, nil, err
	}
	return folder{root}, folder{root}, nil
}

func (f folder) read(path string, ref Ref) ([]byte, error) {
	return readFile(ref.Size, func() (io.ReadCloser, error) { return f.Open(path) })
}

func (f folder) list(dir string) (listing, error) {
	d, err := f.Open(dir)
	if err != nil {
		return listing{}, err
	}
	defer d.Close()
	entries, err := d.ReadDir(-1)
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

// add adds an entry of dir to its listing. An image is known again by its size and its time.
func (f folder) add(l *listing, dir string, entry fs.DirEntry) error {
	name, kind := entry.Name(), entry.Type()
	if kind.IsRegular() && !isImage(name) {
		return nil
	}
	info, err := entry.Info()
	if kind == fs.ModeSymlink {
		info, err = f.Stat(path.Join(dir, name))
	}
	switch {
	case err != nil:
		return err
	case info.IsDir():
		l.folders = append(l.folders, name)
	case isImage(name) && !info.Mode().IsRegular():
		return fmt.Errorf("%s is neither a file nor a folder", path.Join(dir, name))
	case isImage(name):
		l.images = append(l.images, file{name: name, size: info.Size(), id: strconv.FormatInt(info.ModTime().UnixNano(), 10)})
	}
	return nil
}
