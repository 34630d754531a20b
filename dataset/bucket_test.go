package dataset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/internal/fixtures/storetest"
	"mgd3/store"
)

// noisePNG is a picture of noise, which no encoder makes smaller: 480 kB.
func noisePNG(t *testing.T, seed uint64) string {
	t.Helper()
	const side = 400
	rnd := rand.New(rand.NewPCG(seed, 0))
	im := image.NewRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			v := rnd.Uint32()
			im.Set(x, y, color.RGBA{uint8(v), uint8(v >> 8), uint8(v >> 16), 255})
		}
	}
	var b bytes.Buffer
	must(t, png.Encode(&b, im))
	return b.String()
}

// TestBucketRanges: a set of any layout in a bucket has the images that it has on disk, and no more is read than what
// is needed: to open it the directory, the headers or the labels, in blocks of 64 KiB; and then each image once.
func TestBucketRanges(t *testing.T) {
	const block = 64 << 10
	plain, shard, names := files{}, files{}, []string{"cat", "dog", "fox"}
	var rows []parquetRow
	for i := range 12 {
		png, class := noisePNG(t, uint64(i)), i/4
		plain[fmt.Sprintf("%s/%02d.png", names[class], i)] = png
		shard[fmt.Sprintf("%02d.png", i)], shard[fmt.Sprintf("%02d.cls", i)] = png, fmt.Sprint(class)
		rows = append(rows, hubRow(png, int64(class)))
	}
	file := func(path string) string {
		data, err := os.ReadFile(path)
		must(t, err)
		return string(data)
	}
	parquet := hubFile(t, names, rows...)
	size := len(plain["cat/00.png"])
	for _, c := range []struct {
		name      string
		in        files
		path      string // of the set
		open, all int    // bytes, at most: to open it, and then to read all images
	}{
		{"folders of objects", plain, "", 0, 12*size + 1000},
		{"zip", files{"set.zip": file(makeZip(t, plain))}, "set.zip", 3 * block, 12*(size+2*block) + 12*block},
		{"tar", files{"set.tar": file(makeTar(t, plain))}, "set.tar", 12*2*block + 4*block, 12 * (size + block)},
		{"WebDataset", files{"a-0.tar": file(makeTar(t, shard))}, "a-0.tar", 12*2*block + 4*block, 12 * (size + block)},
		// this writer repeats four images in the header of a page of three; headers are read to open it, and again
		{"Parquet", files{"train.parquet": parquet}, "train.parquet", len(parquet), 2 * len(parquet)},
	} {
		s, dir := storetest.New(t), makeFolder(t, c.in)
		for name, content := range c.in {
			s.Put(name, []byte(content))
		}
		path := filepath.Join(dir, c.path)
		want, err := Open(t.Context(), path, OpenOptions{})
		must(t, err)
		got, err := Open(t.Context(), s.Path(c.path), OpenOptions{})
		must(t, err)
		if s.Sent > c.open {
			t.Errorf("%s: opening read %d bytes, want at most %d", c.name, s.Sent, c.open)
		}
		if !slices.Equal(got.ClassNames(), want.ClassNames()) {
			t.Fatalf("%s: classes %q, want %q", c.name, got.ClassNames(), want.ClassNames())
		}
		s.Reset()
		for i, class := range want.Classes {
			for j, ref := range class.Images {
				a, errA := want.Read(ref)
				b, errB := got.Read(got.Classes[i].Images[j])
				if errA != nil || errB != nil || !bytes.Equal(a, b) {
					t.Fatalf("%s, %s %d: %v, %v, %d bytes, want %d", c.name, class.Name, j, errA, errB, len(b), len(a))
				}
			}
		}
		if s.Sent > c.all {
			t.Errorf("%s: read %d bytes of the bucket for 12 images of %d, want at most %d",
				c.name, s.Sent, size, c.all)
		}
		must(t, got.Close())
		must(t, want.Close())
	}
}

// TestBucketChanged: an archive that is replaced while it is open is an error and no mixture.
func TestBucketChanged(t *testing.T) {
	s := storetest.New(t)
	archive := func(seed uint64) []byte {
		data, err := os.ReadFile(makeZip(t, files{"cat/0.png": noisePNG(t, seed), "dog/0.png": noisePNG(t, seed+1)}))
		must(t, err)
		return data
	}
	s.Put("set.zip", archive(1))
	set, err := Open(context.Background(), s.Path("set.zip"), OpenOptions{})
	must(t, err)
	defer set.Close()
	s.Lock()
	s.Ahead += 10e9
	s.Unlock()
	s.Put("set.zip", archive(3))
	if _, err := set.Read(set.Classes[0].Images[0]); err == nil ||
		!strings.Contains(err.Error(), store.ErrChanged.Error()) {
		t.Errorf("got %v, want that it has changed", err)
	}
}

// TestBucketFails: an image that a store does not give out, as it is down or does not know who asks, is none that
// cannot be read: whoever passes over those passes over none of these.
func TestBucketFails(t *testing.T) {
	s := storetest.New(t)
	s.Put("set/cat/0.png", []byte(noisePNG(t, 1)))
	s.Put("set/cat/1.png", []byte("no image"))
	set, err := Open(context.Background(), s.Path("set"), OpenOptions{})
	must(t, err)
	defer set.Close()
	load := func() (errs []error) {
		for sample := range set.Load(context.Background(), set.Classes[0].Images, LoadOptions{}) {
			errs = append(errs, sample.Err)
		}
		return errs
	}
	if errs := load(); errs[0] != nil || !errors.Is(errs[1], ErrImage) {
		t.Errorf("got %v, want one that cannot be read", errs)
	}
	s.Lock()
	s.Refuse = "ExpiredToken"
	s.Unlock()
	for _, err := range load() {
		if !errors.Is(err, store.ErrCredentials) || errors.Is(err, ErrImage) {
			t.Errorf("got %v, want an error of the store alone", err)
		}
	}
}
