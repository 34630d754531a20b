package export

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mgd3/stage/atomicfile"
)

// create has write make a file or folder beside out, and moves it there when it is whole. Another process at work on
// out is a [stage.ErrBusy]; what is there with other bytes an [ErrExists].
func create(out string, write func(tmp string) error) error {
	unlock, err := atomicfile.Lock(out)
	if err != nil {
		return err
	}
	defer unlock()
	work, err := newWork(out)
	if err != nil {
		return err
	}
	// The folder of work is beside out, and so on the same file system: a rename moves, and never copies.
	tmp := filepath.Join(work, filepath.Base(out))
	if err = write(tmp); err == nil {
		err = place(tmp, out)
	}
	return errors.Join(err, os.RemoveAll(work))
}

// newWork makes a folder beside out, in which it is made. The caller has the lock of out, so that what else is there of
// the same kind was left by killed processes, and goes.
func newWork(out string) (string, error) {
	parent, name := filepath.Split(out)
	if info, err := os.Lstat(filepath.Join(parent, "."+name+".part")); err == nil &&
		(info.IsDir() || info.Mode().IsRegular()) {
		if err := os.RemoveAll(filepath.Join(parent, "."+name+".part")); err != nil { // of an earlier version
			return "", atomicfile.Failed(out, err)
		}
	}
	sum := sha256.Sum256([]byte(name)) // shorter than some names
	ours := fmt.Sprintf(".mgd3-%x-", sum[:8])
	entries, err := os.ReadDir(filepath.Clean(parent))
	if err != nil {
		return "", atomicfile.Failed(out, err)
	}
	for _, entry := range entries {
		if entry.IsDir() && strings.HasPrefix(entry.Name(), ours) {
			if err := os.RemoveAll(filepath.Join(parent, entry.Name())); err != nil {
				return "", atomicfile.Failed(out, err)
			}
		}
	}
	work, err := os.MkdirTemp(filepath.Clean(parent), ours)
	if err != nil {
		return "", atomicfile.Failed(out, err)
	}
	return work, nil
}

// place moves a finished file or folder to its place. There may be nothing, an empty folder, or the same already.
func place(tmp, out string) error {
	info, err := os.Lstat(out)
	// A rename onto an empty folder works on some systems only.
	if err == nil && info.IsDir() {
		_ = os.Remove(out) // goes if it is empty
		_, err = os.Lstat(out)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return atomicfile.Failed(out, os.Rename(tmp, out))
	}
	if err != nil {
		return err
	}
	same, err := sameTree(tmp, out)
	if err != nil {
		return err
	}
	if !same {
		return fmt.Errorf("%q %w", out, ErrExists)
	}
	return nil
}

// sameTree compares two files, or all files of two folders.
func sameTree(a, b string) (bool, error) {
	filesA, errA := filesOf(a)
	filesB, errB := filesOf(b)
	if err := errors.Join(errA, errB); err != nil || len(filesA) != len(filesB) {
		return false, err
	}
	for name, size := range filesA {
		// sizes first: most differences are found without reading
		if other, ok := filesB[name]; !ok || other != size {
			return false, nil
		}
		if same, err := sameFile(filepath.Join(a, name), filepath.Join(b, name)); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

// filesOf returns the sizes of the files below root by their path, or that of root itself as ".".
func filesOf(root string) (map[string]int64, error) {
	files := map[string]int64{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		files[name] = info.Size()
		return err
	})
	return files, err
}

// sameFile compares two files of the same size.
func sameFile(a, b string) (bool, error) {
	f, err := atomicfile.Open(a)
	if err != nil {
		return false, err
	}
	defer f.Close()
	g, err := atomicfile.Open(b)
	if err != nil {
		return false, err
	}
	defer g.Close()
	one, two := make([]byte, 1<<16), make([]byte, 1<<16)
	for {
		n, errF := io.ReadFull(f, one)
		m, errG := io.ReadFull(g, two)
		if !bytes.Equal(one[:n], two[:m]) {
			return false, nil
		}
		if errF != nil || errG != nil {
			return errEnd(errF) && errEnd(errG), errors.Join(failure(errF), failure(errG))
		}
	}
}

func errEnd(err error) bool { return err == io.EOF || err == io.ErrUnexpectedEOF }

// failure is err unless it is the end of a file.
func failure(err error) error {
	if errEnd(err) {
		return nil
	}
	return err
}

// measure counts the files of what was written, and their bytes.
func measure(out string) (files int, size int64, err error) {
	sizes, err := filesOf(out)
	for _, n := range sizes {
		size += n
	}
	return len(sizes), size, err
}
