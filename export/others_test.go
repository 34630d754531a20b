package export

import (
	"archive/tar"
	"archive/zip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// TestZipForOthers: every member has a date, of which there is none before 1980-01-01, its name in UTF-8 says so, and
// where Python is at hand its reader finds the same; the archive is the same each time.
func TestZipForOthers(t *testing.T) {
	dir, _ := newSet(t)
	file := write(t, dir, Options{Format: Zip})
	if same, err := sameTree(write(t, dir, Options{Format: Zip}), file); err != nil || !same {
		t.Errorf("the second time the archive is another (%v)", err)
	}
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for _, f := range z.File {
		if got := f.Modified.Format(time.DateTime); got != "1980-01-01 00:00:00" {
			t.Errorf("%s: dated %s, want 1980-01-01 00:00:00", f.Name, got)
		}
		if f.NonUTF8 || f.ReaderVersion != 20 || len(f.Extra) != 0 {
			t.Errorf("%s: not UTF-8 %v, version %d, extra %x, want UTF-8, 20 and none", f.Name, f.NonUTF8,
				f.ReaderVersion, f.Extra)
		}
		if ascii := utf8.RuneCountInString(f.Name) == len(f.Name); ascii == (f.Flags&0x800 != 0) {
			t.Errorf("%s: flags %x, want 0x800 for names beyond ASCII alone", f.Name, f.Flags)
		}
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Log("no python3 to read the archive with")
		return
	}
	const program = `import datetime, sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
for i in z.infolist(): print(datetime.datetime(*i.date_time), i.filename)`
	read := exec.Command(python, "-c", program, file)
	read.Env = append(os.Environ(), "PYTHONIOENCODING=utf-8")
	out, err := read.CombinedOutput()
	if err != nil {
		t.Fatalf("Python's zipfile: %v\n%s", err, out)
	}
	for i, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		if want := "1980-01-01 00:00:00 " + z.File[i].Name; strings.TrimSpace(line) != want {
			t.Errorf("Python reads %q, want %q", line, want)
		}
	}
}

// TestTarForOthers: members have a date of Unix, an owner and plain files' type, and Python's tarfile reads them
// where it is at hand.
func TestTarForOthers(t *testing.T) {
	dir, _ := newSet(t)
	file := filepath.Join(write(t, dir, Options{Format: WebDataset}), "train-000000.tar")
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for r := tar.NewReader(f); ; n++ {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.ModTime.Unix() != 0 || h.Typeflag != tar.TypeReg || h.Mode != 0o644 || h.Format != tar.FormatUSTAR ||
			len(h.PAXRecords) != 0 {
			t.Errorf("%s: got %+v", h.Name, h)
		}
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Log("no python3 to read the archive with")
		return
	}
	const program = `import datetime, sys, tarfile
for m in tarfile.open(sys.argv[1]): print(datetime.datetime.fromtimestamp(m.mtime), m.name, m.isfile())`
	out, err := exec.Command(python, "-c", program, file).CombinedOutput()
	if err != nil || strings.Count(string(out), "True") != n {
		t.Errorf("Python's tarfile: %v, want %d files\n%s", err, n, out)
	}
}
