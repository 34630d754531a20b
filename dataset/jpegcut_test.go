package dataset

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"mgd3/dataset/internal/jpegplane"
)

// scannedJPEGs are whole files by Pillow and jpegtran (testdata/images/make.py): progressive ones, ones of a scan for
// each component, ones with restart markers.
func scannedJPEGs(tb testing.TB) map[string][]byte {
	tb.Helper()
	files := map[string][]byte{}
	for _, pattern := range []string{"progressive-*.jpg", "apart.jpg", "restarts.jpg"} {
		found, err := filepath.Glob(filepath.Join("testdata/images", pattern))
		must(tb, err)
		for _, path := range found {
			data, err := os.ReadFile(path)
			must(tb, err)
			files[filepath.Base(path)] = data
		}
	}
	if len(files) != 7 {
		tb.Fatalf("%d JPEG files in testdata/images, want 7", len(files))
	}
	return files
}

// scansOf returns where the entropy-coded data of each scan begin and end, restart markers included.
func scansOf(data []byte) (ranges [][2]int) {
	for pos := 2; pos+4 <= len(data) && data[pos+1] != 0xd9; {
		scan := data[pos+1] == 0xda
		pos += 2 + int(data[pos+2])<<8 + int(data[pos+3])
		if !scan {
			continue
		}
		begin := pos
		for data[pos] != 0xff || data[pos+1] == 0 || data[pos+1]&^7 == 0xd0 {
			pos++
		}
		ranges = append(ranges, [2]int{begin, pos})
	}
	return ranges
}

// TestScanCut: a file of which the data of a scan stop early, at any byte, though all markers behind them are there,
// is cut short. Whole, it is read without a note.
func TestScanCut(t *testing.T) {
	for name, whole := range scannedJPEGs(t) {
		if im, err := Decode(whole); err != nil || im.Note != "" {
			t.Errorf("%s, whole: %v, %+v", name, err, im)
		}
		for i, r := range scansOf(whole) {
			for at := r[0]; at < r[1]; at++ {
				if whole[at-1] == 0xff { // between two bytes that are one, or a marker
					continue
				}
				cut := slices.Concat(whole[:at], whole[r[1]:])
				if _, err := Decode(cut); !errors.Is(err, errCut) {
					t.Errorf("%s, scan %d stopped after %d of %d bytes: %v, want that it is cut", name, i, at-r[0],
						r[1]-r[0], err)
				}
			}
		}
	}
}

// TestScanHole: a file of which 32 bytes or more are gone within a scan, or there twice, is cut or damaged, or has a
// note: some block is too few or too many. Scans that refine, of which most bits are no codes but parts of numbers,
// can come out even.
func TestScanHole(t *testing.T) {
	for name, whole := range scannedJPEGs(t) {
		for i, r := range scansOf(whole) {
			if whole[r[0]-1] > 0x0f { // the bits that earlier scans have brought
				continue
			}
			for _, n := range []int{32, 64, 128} {
				for at := r[0]; at+n < r[1]; at += 5 {
					for how, middle := range map[string][]byte{"gone": nil, "twice": slices.Repeat(whole[at:at+n], 2)} {
						im, err := Decode(slices.Concat(whole[:at], middle, whole[at+n:]))
						if err == nil && im.Note == "" {
							t.Errorf("%s, scan %d: %d bytes at %d %s: taken as whole", name, i, n, at-r[0], how)
						}
					}
				}
			}
		}
	}
}

// TestZerosInScan: zeros up to the end-of-image marker in place of the data are found where they are no padding.
func TestZerosInScan(t *testing.T) {
	whole := encodeJPEG(t, texture(40, 24), 90)
	r := scansOf(whole)[0]
	for at := r[0] + 1; at < r[1]-1; at++ {
		zeroed := slices.Concat(whole[:at], make([]byte, r[1]-at), whole[r[1]:])
		if im, err := Decode(zeroed); err == nil && im.Note == "" {
			t.Errorf("zeros after %d of %d bytes: taken as whole", at-r[0], r[1]-r[0])
		}
	}
	padded := slices.Concat(whole[:r[1]], make([]byte, 9), whole[r[1]:])
	im, err := Decode(padded)
	must(t, err)
	if im.Note == "" {
		t.Error("nine zeros behind the last pixel: no note")
	}
}

// TestExtraIsFill: bytes 0xff before a marker are no data (T.81, B.1.1.2), and neither is a restart marker behind the
// last pixel.
func TestExtraIsFill(t *testing.T) {
	whole := encodeJPEG(t, texture(40, 24), 90)
	for _, tail := range []string{"\xff\xff\xff\xff\xd9", "\xff\xd0\xff\xd9"} {
		scans, err := jpegplane.Walk(slices.Concat(whole[:len(whole)-2], []byte(tail)))
		if err != nil || scans.Extra != 0 {
			t.Errorf("%q at the end: %d extra bytes, %v", tail, scans.Extra, err)
		}
	}
}
