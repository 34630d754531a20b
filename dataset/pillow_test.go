package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// refusedImages are files of testdata/images that Pillow reads and we do not, and what is said of them.
var refusedImages = map[string]string{
	"big.tif": "a BigTIFF", "bits32.tif": "of signed numbers", "cmyk.tif": "of CMYK",
	"float.tif": "of floating-point numbers",
	"grey2.tif": "of 2 bits", "grey4.tif": "of 4 bits", "palette2.tif": "of 2 bits", "palette4.tif": "of 4 bits",
	"grey8-reversed.tif": "of reversed bits",
	"grey8-tiles.tif":    "of tiles that reach beyond", "rgb16-tiles.tif": "of tiles that reach beyond",
	"group3-two.tif":    "of fax codes of two dimensions",
	"group3-filled.tif": "of fax codes of two dimensions or with filled lines", "jpeg.tif": "of JPEG data",
	"la8.tif": "of grey or a palette with alpha", "lab.tif": "of CIE L*a*b*",
	"predictor-plain.tif": "of the predictor 2",
	"rgb8-planes.tif":     "of a plane for each colour", "signed16.tif": "of signed numbers",
	"tiff_ccitt-0.tif": "of modified Huffman codes",
	"tiff_ccitt-1.tif": "of modified Huffman codes", "ycbcr.tif": "of Y, Cb and Cr",
}

// TestPillow reads every file of want.txt, which Pillow has read, too (testdata/images/make.py): its pixels are
// Pillow's, exactly where the file has no loss and within three levels for JPEG (docs/notes/jpeg.md), or the file is
// refused by its kind.
func TestPillow(t *testing.T) {
	list, err := os.ReadFile("testdata/images/want.txt")
	must(t, err)
	lines := strings.Split(strings.TrimSpace(string(list)), "\n")
	if len(lines) < 100 {
		t.Fatalf("%d lines in want.txt", len(lines))
	}
	for _, line := range lines {
		var name, hash string
		var w, h int
		if _, err := fmt.Sscan(line, &name, &w, &h, &hash); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		data, err := os.ReadFile(filepath.Join("testdata/images", name))
		must(t, err)
		im, err := Decode(data)
		if kind := refusedImages[name]; kind != "" {
			if err == nil || !strings.Contains(err.Error(), kind) {
				t.Errorf("%s: error %v, want one that says %q", name, err, kind)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c, err := configOf(data); im.W != w || im.H != h || c.Width != w || c.Height != h || err != nil {
			t.Errorf("%s: %d × %d, its head %d × %d, %v; want %d × %d", name, im.W, im.H, c.Width, c.Height, err, w, h)
			continue
		}
		sum := sha256.Sum256(im.Pix)
		if hex.EncodeToString(sum[:]) == hash {
			continue
		}
		if !strings.HasSuffix(name, ".jpg") {
			t.Errorf("%s: other pixels", name)
			continue
		}
		twin, err := os.ReadFile(filepath.Join("testdata/images", "twin-"+hash[:8]+".png"))
		must(t, err)
		want, err := Decode(twin)
		must(t, err)
		if sum := sha256.Sum256(want.Pix); !bytes.Equal(sum[:4], unhex(hash[:8])) {
			t.Fatalf("%s: the twin has other pixels than want.txt says", name)
		}
		if !near(im, want, 3) {
			t.Errorf("%s: pixels of more than 3 levels besides", name)
		}
	}
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}
