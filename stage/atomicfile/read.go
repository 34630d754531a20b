package atomicfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"

	"mgd3/store"
)

// ErrNotRegular says that a folder, a pipe or a device is where a file is wanted.
var ErrNotRegular = errors.New("not a regular file")

// MostText is the usual bound of [Read]: more than any list of classes or settings has.
const MostText = 64 << 20

// Open opens a regular file for reading; a pipe would block it for ever. Links are followed.
func Open(path string) (store.File, error) {
	info, err := store.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := wantRegular(path, info.Mode()); err != nil {
		return nil, err
	}
	return store.Reopen(path, info)
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
	if store.Is(path) {
		return store.Read(path, most)
	}
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
	_, err := store.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// List returns the files below a folder, at any depth, by their paths in it, with slashes. Files in the making are not
// among them. A folder that is not there is an [fs.ErrNotExist].
func List(ctx context.Context, dir string) (files []string, err error) {
	files, err = store.List(ctx, dir)
	return slices.DeleteFunc(files, func(name string) bool { return IsTemporary(path.Base(name)) }), err
}
