package atomicfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrNotRegular says that a folder, a pipe or a device stands where a file is wanted.
var ErrNotRegular = errors.New("not a regular file")

// MostText is the usual bound of [Read]: more than any list of classes or settings has.
const MostText = 64 << 20

// Open opens a regular file for reading; a pipe would block it for ever. Links are followed.
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := wantRegular(path, info.Mode()); err != nil {
		return nil, err
	}
	return os.Open(path)
}

func wantRegular(path string, mode fs.FileMode) error {
	what := "a device or a pipe"
	switch {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		what = "a folder"
	}
	return fmt.Errorf("%q: %w but %s, want a file", path, ErrNotRegular, what)
}

// Read reads a regular file of at most so many bytes. More is an error that names the file.
func Read(path string, most int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%q: has more than %d bytes, want a smaller file", path, most)
	}
	return data, err
}

// Exists reports whether there is a file or a folder at path.
func Exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// List returns the files below a folder, at any depth, by their paths in it, with slashes. Files in the making are not
// among them. A folder that is not there is an [fs.ErrNotExist].
func List(ctx context.Context, dir string) (files []string, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err = errors.Join(err, ctx.Err()); err != nil || entry.IsDir() || IsTemporary(entry.Name()) {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		files = append(files, filepath.ToSlash(rel))
		return err
	})
	return files, err
}
