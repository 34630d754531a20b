package dataset

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"mgd3/internal/fixtures/storetest"
	"mgd3/store"
)

// failing is a source whose file system fails.
type failing struct{ errno syscall.Errno }

func (f failing) read(path string, _ Ref) ([]byte, error) {
	return nil, folder{dir: "set"}.explain(path, &fs.PathError{Op: "open", Path: "set/" + path, Err: f.errno})
}

func (failing) Close() error { return nil }

// TestUnread: an image whose file is not to be had is none that is damaged, for --skip-bad passes over those, and keeps
// its cause. Where the file system failed or refused, that is said of the place alone.
func TestUnread(t *testing.T) {
	ref := Ref{Class: "cat", Name: "1.png", Size: 3, ID: "time"}
	for errno, place := range map[syscall.Errno]bool{syscall.EIO: true, syscall.EACCES: true, syscall.EPERM: true,
		syscall.ESTALE: true, syscall.EMFILE: true, syscall.ENOENT: false, syscall.ENOTDIR: false,
		syscall.EISDIR: false, syscall.ELOOP: false} {
		s := &Set{path: "set", src: failing{errno}, notes: &ImageNotes{}}
		_, err := s.Read(ref)
		if sample := s.load(ref, LoadOptions{}); sample.Err == nil || sample.Err.Error() != err.Error() {
			t.Errorf("%v: Load says %v, Read %v", errno, sample.Err, err)
		}
		through := View("view", s, nil, LoadOptions{}).load(ref, LoadOptions{}).Err
		for _, err := range []error{err, through} {
			if errors.Is(err, ErrImage) || !errors.Is(err, errno) || store.Failed(err) != place ||
				errors.Is(err, ErrUnread) == place {
				t.Errorf("%v: got %v, of the place: %v, want %v", errno, err, store.Failed(err), place)
			}
		}
	}
}

// TestUnreadFiles: a disk that fails in the middle of a file, and files that vanish, on disk and in a bucket.
func TestUnreadFiles(t *testing.T) {
	picture := pngOf(t, 4, 4, 9)
	dir := makeFolder(t, files{"cat/1.png": picture, "cat/2.png": picture})
	s, bad := storetest.New(t), "cat/3.png"
	s.Put("set/cat/1.png", []byte(picture))
	s.Put("set/cat/2.png", []byte(picture))
	failed := 0
	// a process may not read its own memory at 0: EIO
	if os.Symlink("/proc/self/mem", filepath.Join(dir, bad)) == nil {
		if _, err := os.ReadFile(filepath.Join(dir, bad)); errors.Is(err, syscall.EIO) {
			failed = 1
		} else {
			must(t, os.Remove(filepath.Join(dir, bad)))
		}
	}
	for path, vanish := range map[string]func(){
		dir:           func() { must(t, os.Remove(filepath.Join(dir, "cat", "2.png"))) },
		s.Path("set"): func() { s.Lock(); delete(s.Objects, "set/cat/2.png"); s.Unlock() },
	} {
		set, err := Open(t.Context(), path, OpenOptions{})
		must(t, err)
		vanish()
		var errs []error
		for sample := range set.Load(t.Context(), set.Classes[0].Images, LoadOptions{}) {
			errs = append(errs, sample.Err)
		}
		if errs[0] != nil || !errors.Is(errs[1], ErrUnread) || errors.Is(errs[1], ErrImage) || store.Failed(errs[1]) {
			t.Errorf("%s: got %v, want that the second is gone", path, errs)
		}
		if path == dir && len(errs) != 2+failed {
			t.Fatalf("%d images, want %d", len(errs), 2+failed)
		}
		for _, err := range errs[2:] {
			if errors.Is(err, ErrImage) || !errors.Is(err, syscall.EIO) || !store.Failed(err) {
				t.Errorf("got %v, want an error of the file system alone", err)
			}
		}
		must(t, set.Close())
	}
}
