package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/gofrs/flock"
)

// TestLinksAreNotFollowed: a link planted where a file in the making may come to lie is not written through.
func TestLinksAreNotFollowed(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".0000.png.tmp", ".0000.png.lock", "0000.png", "0000.png.part"} {
		out := filepath.Join(dir, "out", name+".d")
		path := filepath.Join(out, "0000.png")
		if err := errors.Join(os.MkdirAll(out, 0o755), os.Symlink(secret, filepath.Join(out, name))); err != nil {
			t.Fatal(err)
		}
		_, errAppend := Append(path + ".part")
		_, errLock := Lock(path)
		if err := Write(path, text("new")); err != nil {
			t.Errorf("beside a link %s: %v", name, err)
		}
		if name == "0000.png.part" && !errors.Is(errAppend, ErrWrite) || name == ".0000.png.lock" &&
			!errors.Is(errLock, ErrWrite) {
			t.Errorf("a link %s: got errors %v, %v, want an ErrWrite", name, errAppend, errLock)
		}
		if got, _ := os.ReadFile(path); string(got) != "new" {
			t.Errorf("beside a link %s the file holds %q", name, got)
		}
		if got, _ := os.ReadFile(secret); string(got) != "mine" {
			t.Fatalf("through the link %s the target was overwritten with %q", name, got)
		}
	}
}

// TestLeftoversGo: what a killed process left goes; what a live one is at work on, and what is not ours, stays.
func TestLeftoversGo(t *testing.T) {
	dir := t.TempDir()
	put := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	left, live := put(".mgd3-0123456789abcdef.tmp"), put(".mgd3-fedcba9876543210.tmp")
	others := []string{put(".mgd3-0123.tmp"), put("mgd3-0123456789abcdef.tmp"), put(".other.tmp"),
		put(".mgd3-0123456789abcdef.tmp.bak")}
	l := flock.New(live)
	if ok, err := l.TryLock(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	defer l.Unlock()
	if err := Write(filepath.Join(dir, "file"), text("new")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a killed process left is there still: %v", err)
	}
	for _, path := range append(others, live) {
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("%s is gone: %v", path, err)
		}
	}
}

// TestManyWriters: of many calls for one path at once, one file stays, whole, and nothing beside it.
func TestManyWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			whole := strings.Repeat(fmt.Sprintf("%x", i), 1<<17)
			for range 5 {
				if err := Write(path, text(whole)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	got, err := os.ReadFile(path)
	if err != nil || len(got) != 1<<17 || strings.Trim(string(got), string(got[:1])) != "" {
		t.Errorf("the file has %d bytes of several writers, error %v", len(got), err)
	}
	wantAlone(t, path)
}

// TestLock: one at a time, or several who read; nothing is left.
func TestLock(t *testing.T) {
	for _, name := range []string{"out", strings.Repeat("x", 255)} {
		path := filepath.Join(t.TempDir(), name)
		unlock, err := Lock(path)
		if err != nil {
			t.Fatal(err)
		}
		for kind, take := range map[string]func(string) (func(), error){"Lock": Lock, "Share": Share} {
			if _, err := take(path); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s of what is locked: got %v, want an ErrBusy that names it", kind, err)
			}
		}
		unlock()
		one, errOne := Share(path)
		two, errTwo := Share(path)
		if errOne != nil || errTwo != nil {
			t.Fatalf("two who read: %v, %v", errOne, errTwo)
		}
		one()
		if _, err := Lock(path); !errors.Is(err, ErrBusy) {
			t.Errorf("while one reads still: got %v, want an ErrBusy", err)
		}
		two()
		again, err := Lock(path)
		if err != nil {
			t.Fatalf("after all have gone: %v", err)
		}
		again()
		if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) > 0 {
			t.Errorf("the locks left %v, error %v", left, err)
		}
	}
}

// TestLockExcludes: many who take the lock in turns, which makes and removes its file each time, are never two.
func TestLockExcludes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	inside := make(chan struct{}, 1)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 200 {
				unlock, err := Lock(path)
				if errors.Is(err, ErrBusy) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				select {
				case inside <- struct{}{}:
					<-inside
				default:
					t.Error("two have the lock")
				}
				unlock()
			}
		})
	}
	group.Wait()
}

// TestErrWrite: what the system refuses is an ErrWrite that names the file, not the one in the making; what the
// callback says is none.
func TestErrWrite(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "folder")
	if err := os.MkdirAll(filepath.Join(folder, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"a folder in its place": folder, "a name too long": filepath.Join(dir, strings.Repeat("n", 256)),
		"below a file": filepath.Join(mustFile(t, dir), "below"),
	} {
		err := Write(path, text("new"))
		if !errors.Is(err, ErrWrite) || !strings.Contains(err.Error(), path) ||
			strings.Contains(err.Error(), ".mgd3-") {
			t.Errorf("%s: got %v, want an ErrWrite that names %s alone", name, err, path)
		}
	}
	if err := Write(filepath.Join(dir, "new"),
		func(io.Writer) error { return syscall.EIO }); errors.Is(err, ErrWrite) || !errors.Is(err, syscall.EIO) {
		t.Errorf("an error of the callback came as %v", err)
	}
	full := Failed("there", &os.PathError{Op: "write", Path: ".mgd3-0.tmp", Err: syscall.ENOSPC})
	if !errors.Is(full, syscall.ENOSPC) || full.Error() != `"there": no space left on device` {
		t.Errorf("a full disk came as %v", full)
	}
}

func mustFile(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
