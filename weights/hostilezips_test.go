package weights_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/internal/fixtures/pytorch"
	"mgd3/weights"
)

func TestHostileZips(t *testing.T) {
	pickled := pytorch.Torch(samples(), nil)
	build := func(add func(z *pytorch.Zip)) []byte {
		var b bytes.Buffer
		z := pytorch.NewZip(&b, "x")
		add(z)
		z.Close()
		return b.Bytes()
	}
	big := pickled
	big.ByteOrder = "big"
	var deflated bytes.Buffer
	z := zip.NewWriter(&deflated)
	w, err := z.Create("x/data.pkl")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, strings.Repeat("x", 100)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	patched := func(old, with string) []byte {
		content := pickled.Zip()
		if !bytes.Contains(content, []byte(old)) {
			t.Fatalf("no %q in the archive", old)
		}
		return bytes.ReplaceAll(content, []byte(old), []byte(with))
	}
	directory := bytes.Index(pickled.Zip(), []byte("PK\x01\x02"))
	past, locked := pickled.Zip(), pickled.Zip()
	locked[directory+8] |= 1
	binary.LittleEndian.PutUint32(past[directory+20:], 1<<31)
	binary.LittleEndian.PutUint32(past[directory+24:], 1<<31)
	overlap := pickled.Zip() // its first two storages lie at the same place
	first, second := bytes.LastIndex(overlap, []byte("archive/data/0")),
		bytes.LastIndex(overlap, []byte("archive/data/1"))
	copy(overlap[second-4:second], overlap[first-4:first])
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"overlapping storages": {overlap, "two files of it overlap"},
		"another zip":          {build(func(z *pytorch.Zip) { z.Add("readme", nil) }), "without NAME/data.pkl"},
		"big-endian":           {big.Zip(), `its byteorder is "big", want little`},
		"compressed":           {deflated.Bytes(), `"x/data.pkl" is compressed or encrypted`},
		"a pickle twice": {build(func(z *pytorch.Zip) { z.Add("data.pkl", nil); z.Add("data.pkl", nil) }),
			`"x/data.pkl" is there twice`},
		"a storage twice": {build(func(z *pytorch.Zip) { z.Add("data/0", nil); z.Add("data/0", nil) }),
			`"x/data/0" is there twice`},
		"two folders":         {patched("archive/data/0", "brchive/data/0"), "lies outside the folder"},
		"no folder":           {patched("archive/version", "archive_version"), "lies outside the folder"},
		"a storage is absent": {patched("archive/data/0", "archive/dbta/0"), `its storage "0" is not in the file`},
		"past the end":        {past, "the file has"},
		"encrypted":           {locked, "compressed or encrypted"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := openBytes(c.content)
			wantFormat(t, err, "x.pt", c.want)
		})
	}
}

func TestEveryTruncationOfArchivesIsAnError(t *testing.T) {
	a := pytorch.Torch(samples()[:3], nil)
	for _, content := range [][]byte{a.Zip(), a.Old()} {
		for n := range content {
			if _, err := openBytes(content[:n]); !errors.Is(err, weights.ErrFormat) {
				t.Fatalf("%d of %d bytes: %v, want %v", n, len(content), err, weights.ErrFormat)
			}
		}
	}
}

// TestLargeArchive: beyond 4 GB the zip has other fields (zip64). The file has a hole in place of the large storage.
func TestLargeArchive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.pt")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	const pieces = 4<<10 + 1
	piece := make([]byte, 1<<20)
	large := &pytorch.Storage{Key: "0", DType: "F32", Count: pieces << 18}
	small := &pytorch.Storage{Key: "1", DType: "F32", Count: 1, Data: []byte{0, 0, 0x80, 0x3f}}
	z := pytorch.NewZip(&holes{file, piece}, "large")
	z.Add("data.pkl", pytorch.Pickle(pytorch.Pairs("large", large.Tensor(0, []int{pieces, 1 << 18}, []int{1 << 18, 1}),
		"small", small.Tensor(0, []int{1}, []int{1}))))
	z.Add("data/0", slices.Repeat([][]byte{piece}, pieces)...)
	z.Add("data/1", small.Data)
	z.Close()
	f := openFile(t, path)
	x, err := f.Tensor("large")
	if err != nil || len(x.Bytes()) != pieces<<20 {
		t.Errorf("large: %d bytes, %v, want %d", len(x.Bytes()), err, pieces<<20)
	}
	if x, err := f.Tensor("small"); err != nil || !bytes.Equal(x.Bytes(), small.Data) {
		t.Errorf("small: %v, %v", x.Bytes(), err)
	}
}

// holes writes a file that has a hole wherever the given piece is written.
type holes struct {
	file  *os.File
	piece []byte
}

func (h *holes) Write(p []byte) (int, error) {
	if len(p) == len(h.piece) && &p[0] == &h.piece[0] {
		_, err := h.file.Seek(int64(len(p)), io.SeekCurrent)
		return len(p), err
	}
	return h.file.Write(p)
}
