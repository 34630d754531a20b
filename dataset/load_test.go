package dataset

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// greys is a set of one class of n images, whose grey is their number; bad ones are text.
func greys(t *testing.T, n int, bad ...int) *Set {
	t.Helper()
	in := files{}
	for i := range n {
		in[fmt.Sprintf("cat/%03d.png", i)] = pngOf(t, 2, 2, uint8(i))
	}
	for _, i := range bad {
		in[fmt.Sprintf("cat/%03d.png", i)] = "text"
	}
	s, err := Open(t.Context(), makeTar(t, in), OpenOptions{})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// TestLoadOrder lets later images be ready sooner.
func TestLoadOrder(t *testing.T) {
	s := greys(t, 40, 7)
	for _, workers := range []int{0, 1, 3, 40, 100} {
		synctest.Test(t, func(t *testing.T) {
			n := 0
			slow := func(im *RGB) *RGB {
				time.Sleep(time.Duration(41-im.Pix[0]%5) * time.Second) // of the bubble's clock
				return im
			}
			for sample := range s.Load(t.Context(), s.Classes[0].Images, LoadOptions{Workers: workers, Then: slow}) {
				switch {
				case n == 7 && (!errors.Is(sample.Err, ErrImage) || sample.Image != nil):
					t.Errorf("%d workers: image 7 gave %v, want an ErrImage", workers, sample)
				case n != 7 && (sample.Err != nil || int(sample.Image.Pix[0]) != n ||
					sample.Ref != s.Classes[0].Images[n]):
					t.Errorf("%d workers: place %d has %v", workers, n, sample)
				}
				n++
			}
			if n != 40 {
				t.Errorf("%d workers: %d samples, want 40", workers, n)
			}
		}) // waits for all goroutines, and fails if one is stuck
	}
}

// TestLoadIsBounded counts the images that are decoded and not consumed.
func TestLoadIsBounded(t *testing.T) {
	s := greys(t, 50)
	const workers = 3
	var decoded atomic.Int64
	count := func(im *RGB) *RGB { decoded.Add(1); return im }
	consumed := 0
	for range s.Load(t.Context(), s.Classes[0].Images, LoadOptions{Workers: workers, Then: count}) {
		consumed++
		if ahead := int(decoded.Load()) - consumed; ahead > workers {
			t.Fatalf("%d images decoded ahead of the consumer, want at most %d", ahead, workers)
		}
	}
}

// TestLoadStops leaves the loop early and ends the context; synctest fails if a goroutine stays.
func TestLoadStops(t *testing.T) {
	s := greys(t, 50)
	refs := s.Classes[0].Images
	synctest.Test(t, func(t *testing.T) {
		for range s.Load(t.Context(), refs, LoadOptions{Workers: 4}) {
			break
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var samples []Sample
		for sample := range s.Load(ctx, refs, LoadOptions{Workers: 4}) {
			if samples = append(samples, sample); len(samples) == 3 {
				cancel()
			}
		}
		if n := len(samples); n != 4 || !errors.Is(samples[3].Err, context.Canceled) || samples[2].Err != nil {
			t.Errorf("%d samples after the end at the third, the last with error %v", n, samples[n-1].Err)
		}
	})
	for range s.Load(t.Context(), nil, LoadOptions{}) {
		t.Error("a sample of no images")
	}
}

// TestLoadErrors names what cannot be read.
func TestLoadErrors(t *testing.T) {
	whole := string(photo(t, 0))
	in := files{
		"cat/1 mislabelled.jpg": pngOf(t, 2, 2, 9), // decodes by its content
		"cat/2 cut.jpg":         whole[:len(whole)/2],
		"cat/3 bomb.png":        string(pngHeader(60000, 60000)),
		"cat/4 text.gif":        "text",
		"cat/5 empty.webp":      "",
		"cat/6 good.jpg":        whole,
		"cat/7 unknown.tif":     "II*\x00",
	}
	want := []string{"", "JPEG", "60000 × 60000 pixels", "none of JPEG", "the file is empty", "", "cut short"}
	for form, build := range makers {
		path := build(t, in)
		s, err := Open(t.Context(), path, OpenOptions{})
		must(t, err)
		defer s.Close()
		i := 0
		for sample := range s.Load(t.Context(), s.Classes[0].Images, LoadOptions{}) {
			wantError(t, sample.Err, ErrImage, want[i])
			if err := sample.Err; err != nil &&
				!(strings.Contains(err.Error(), path) && strings.Contains(err.Error(), "cat/"+sample.Ref.Name)) {
				t.Errorf("%s: error %v does not name its file", form, err)
			}
			i++
		}
	}
}

// TestOtherFormats says what a file is that has the name of an image.
func TestOtherFormats(t *testing.T) {
	for head, want := range map[string]string{
		"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic": "it is an HEIC image, want one of JPEG",
		"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00":         "it is an AVIF image",
		"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00":         "it is a video",
		"\x1f\x8b\x08\x00\x00\x00\x00\x00":                 "it is packed with gzip",
		strings.Repeat("\x00", 4000):                       "all its 4000 bytes are zero",
		"\x01\x02\x03\x04":                                 "the content is none of JPEG",
	} {
		if _, err := Decode([]byte(head)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.16q: error %v, want %q", head, err, want)
		}
	}
}

// TestLoadOrientation turns a photograph by default.
func TestLoadOrientation(t *testing.T) {
	data := encodeJPEG(t, newRGB(8, 16), 90)
	app1 := append([]byte("\xff\xe1\x00\x2a"), exifHead...)
	app1 = append(app1, tiff(binary.BigEndian, "MM", 6)...)
	data = append(append(data[:2:2], app1...), data[2:]...)
	s, err := Open(t.Context(), makeZip(t, files{"cat/1.jpg": string(data)}), OpenOptions{})
	must(t, err)
	defer s.Close()
	for _, ignore := range []bool{false, true} {
		for sample := range s.Load(t.Context(), s.Classes[0].Images, LoadOptions{IgnoreEXIF: ignore}) {
			must(t, sample.Err)
			if upright := sample.Image.W == 8; upright != ignore {
				t.Errorf("IgnoreEXIF %v: %d × %d", ignore, sample.Image.W, sample.Image.H)
			}
		}
	}
}
