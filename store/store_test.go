package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "gocloud.dev/blob/memblob"

	"mgd3/internal/process"
)

// inMemory returns the path of a bucket in memory.
func inMemory(t *testing.T) string {
	t.Helper()
	otherSchemes = []string{"mem"}
	path, err := Parse("mem://" + strings.ToLower(t.Name()))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func putText(t *testing.T, path, text string) {
	t.Helper()
	if err := Put(path, func(w io.Writer) error { _, err := io.WriteString(w, text); return err }); err != nil {
		t.Fatal(err)
	}
}

// TestParse: addresses become paths, and none that has a secret in it is shown.
func TestParse(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"a/b", "a/b"}, {"s3:/x", "s3:/x"}, {"http://host/x", "http://host/x"},
		{"s3://b", "s3:/b"}, {"s3://b/a/c/", "s3:/b/a/c"}, {"gs://b/a b", "gs:/b/a b"},
		{"azblob://c/x?storage_account=acc", "azblob:/c/x"}, {"file:///tmp/x", "/tmp/x"},
		{"s3://b/x.pt#2", "s3:/b/x.pt#2"}, {"file:///tmp/x.pt#2", "/tmp/x.pt#2"},
		{"s3://e/x?endpoint=http://h:1&use_path_style=true", "s3:/e/x"},
	} {
		if got, err := Parse(c.text); err != nil || got != filepath.FromSlash(c.want) {
			t.Errorf("%s: got %s, %v, want %s", c.text, got, err, c.want)
		}
	}
	for _, text := range []string{"s3://me:TOPSECRET@b/x", "s3://b/x?X-Amz-Signature=TOPSECRET", "s3:///x",
		"azblob://c/x?sig=TOPSECRET", "s3://b/x#TOPSECRET", "s3://b#2", "s3://b/a/../x", "s3://b/a//x", "file://host/x",
		"s3://b/x?endpoint=http://me:TOPSECRET@h", "s3://b/%zzTOPSECRET"} {
		_, err := Parse(text)
		if !errors.Is(err, ErrAddress) || strings.Contains(err.Error(), "TOPSECRET") {
			t.Errorf("%s: got %v, want an ErrAddress without what may be a secret", text, err)
		}
	}
	if Is("./s3:/never") || !Is("s3:/b/x/y") || Is("s3:/bother/x") {
		t.Error("a path is one of a bucket by Parse alone")
	}
	if got := Shown(`x "s3:/b/a": y`); got != `x "s3://b/a": y` {
		t.Errorf("got %s", got)
	}
	for path, want := range map[string]string{
		"s3:/e/x/y":    "s3://e/x/y?endpoint=http%3A%2F%2Fh%3A1&use_path_style=true",
		"s3:/e/x.pt#2": "s3://e/x.pt?endpoint=http%3A%2F%2Fh%3A1&use_path_style=true#2",
	} {
		if got := Address(path); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestWithoutSecrets: a client's words are shown without what may be a credential.
func TestWithoutSecrets(t *testing.T) {
	b := &bucket{scheme: "s3", name: "b"}
	for _, text := range []string{"Get https://u:TOPSECRET@h/x: reset", "Put https://h/x?sig=TOPSECRET&se=1: refused",
		"AccountKey=TOPSECRET;", "X-Amz-Security-Token=TOPSECRET x"} {
		if got := b.failed("k", errors.New(text)).Error(); strings.Contains(got, "TOPSECRET") {
			t.Errorf("%s became %s", text, got)
		}
	}
}

// TestFiles: what is put is there, whole, in folders as on disk.
func TestFiles(t *testing.T) {
	dir := inMemory(t)
	for _, name := range []string{"run/a/1", "run/a/2", "run/b", "run2"} {
		putText(t, filepath.Join(dir, name), name)
	}
	entries, err := ReadDir(filepath.Join(dir, "run"))
	if err != nil || len(entries) != 2 || !entries[0].IsDir() || entries[0].Name() != "a" || entries[1].Name() != "b" {
		t.Errorf("got %v, %v, want the folder a and the file b", entries, err)
	}
	if files, err := List(context.Background(), filepath.Join(dir, "run")); err != nil ||
		!slices.Equal(files, []string{"a/1", "a/2", "b"}) {
		t.Errorf("got %v, %v", files, err)
	}
	for name, folder := range map[string]bool{"": true, "run": true, "run/a": true, "run/b": false} {
		if info, err := Stat(filepath.Join(dir, name)); err != nil || info.IsDir() != folder {
			t.Errorf("%s: got %v, %v, want a folder: %v", name, info, err, folder)
		}
	}
	for _, name := range []string{"ru", "run/c", "run/b/x"} {
		_, errStat := Stat(filepath.Join(dir, name))
		_, errRead := Read(filepath.Join(dir, name), 10)
		_, errList := List(context.Background(), filepath.Join(dir, name))
		for _, err := range []error{errStat, errRead, errList} {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: got %v, want that it is not there", name, err)
			}
		}
	}
	if _, err := Read(filepath.Join(dir, "run/b"), 3); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want that it is longer", err)
	}
	failed := errors.New("no")
	err = Put(filepath.Join(dir, "run/b"), func(w io.Writer) error { _, _ = w.Write([]byte("half")); return failed })
	if data, _ := Read(filepath.Join(dir, "run/b"), 100); err != failed || string(data) != "run/b" {
		t.Errorf("got %v and %q, want what was there before", err, data)
	}
	if put, err := PutNew(filepath.Join(dir, "run/b"), []byte("x")); put || err != nil {
		t.Errorf("got %v, %v, want nothing put where something is", put, err)
	}
	if err := errors.Join(Remove(filepath.Join(dir, "run/b")), Remove(filepath.Join(dir, "run/b"))); err != nil {
		t.Error(err)
	}
	if put, err := PutNew(filepath.Join(dir, "run/b"), []byte("x")); !put || err != nil {
		t.Errorf("got %v, %v, want it put", put, err)
	}
}

// TestReadAt: an object is read by ranges as its bytes are, within the memory that is allowed; one that was replaced is
// an error and no mixture.
func TestReadAt(t *testing.T) {
	path := filepath.Join(inMemory(t), "x")
	data := make([]byte, 5<<20+17) // beyond what scratch keeps in memory
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	putText(t, path, string(data))
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range [][2]int{{0, 1}, {65535, 2}, {5 << 20, 100}, {len(data) - 1, 1}, {len(data), 1}, {100, 1 << 20},
		{131072, 65536}, {3, 0}, {len(data) - 70000, 80000}} {
		want := make([]byte, r[1])
		n, errWant := bytes.NewReader(data).ReadAt(want, int64(r[0]))
		got := make([]byte, r[1])
		m, errGot := f.ReadAt(got, int64(r[0]))
		if m != n || errGot != errWant || !bytes.Equal(got, want) {
			t.Errorf("%v: got %d bytes and %v, want %d and %v", r, m, errGot, n, errWant)
		}
	}
	if all, err := io.ReadAll(f); err != nil || !bytes.Equal(all, data) {
		t.Errorf("read %d bytes, %v, want all", len(all), err)
	}
	if n := kept.last.Len(); n > mostBlocks {
		t.Errorf("%d blocks are kept, want at most %d", n, mostBlocks)
	}
	info, err := Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	putText(t, path, "another")
	old, err := Reopen(path, info)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := old.ReadAt(make([]byte, 1<<20), 0); n != 0 || !errors.Is(err, ErrChanged) {
		t.Errorf("got %d bytes and %v, want none and that it has changed", n, err)
	}
}

// TestGrowing: what was put of a growing file is there for whoever goes on, cut where it is cut.
func TestGrowing(t *testing.T) {
	path := filepath.Join(inMemory(t), "x.part")
	g, err := Grow(path)
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("0123456789"), 1<<20) // more than two parts
	for i := 0; i < len(want); i += 1 << 20 {
		if _, err := g.Write(want[i : i+1<<20]); err != nil {
			t.Fatal(err)
		}
	}
	if files, _ := List(context.Background(), path); len(files) != 2 {
		t.Errorf("a process that is killed here leaves %v, want two parts", files)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if g, err = Grow(path); err != nil {
		t.Fatal(err)
	}
	if have, err := io.ReadAll(g); err != nil || !bytes.Equal(have, want) {
		t.Errorf("got %d bytes, %v, want %d", len(have), err, len(want))
	}
	cut := int64(partSize + 5)
	if err := g.Truncate(cut); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Seek(cut, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Write([]byte("end")); err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if g, err = Grow(path); err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if have, err := io.ReadAll(g); err != nil || string(have) != string(want[:cut])+"end" {
		t.Errorf("got %d bytes, %v, want %d", len(have), err, cut+3)
	}
	if err := RemoveGrown(path); err != nil {
		t.Error(err)
	}
	if _, err := Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want nothing there", err)
	}
}

// TestLock: one has a lock; that of a process that is gone, or renews it no more, is taken over.
func TestLock(t *testing.T) {
	beat, dies, look := lockBeat, lockExpires, lockLook
	defer func() { lockBeat, lockExpires, lockLook = beat, dies, look }()
	lockBeat, lockExpires, lockLook = 5*time.Millisecond, 200*time.Millisecond, time.Millisecond
	path := filepath.Join(inMemory(t), ".x.lock")
	release, held, err := Lock(path)
	if !held || err != nil {
		t.Fatalf("got %v, %v, want it", held, err)
	}
	if _, held, err := Lock(path); held || err != nil {
		t.Errorf("got %v, %v, want that another has it", held, err)
	}
	release()
	if _, err := Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want nothing left", err)
	}
	for _, text := range []string{`{"owner":"x","host":"elsewhere","pid":1}`, "no lock",
		string(lock{Owner: "x", ID: process.ID{Host: process.This().Host, PID: 1 << 30}}.text())} {
		putText(t, path, text)
		release, held, err := Lock(path)
		if !held || err != nil {
			t.Fatalf("%s: got %v, %v, want it taken over", text, held, err)
		}
		release()
	}
}
