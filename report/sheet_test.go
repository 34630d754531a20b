package report

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"testing"

	"mgd3/dataset"
)

// flat is an image of one colour.
func flat(w, h int, r, g, b uint8) *dataset.RGB {
	return &dataset.RGB{W: w, H: h, Pix: bytes.Repeat([]byte{r, g, b}, w*h)}
}

func sheet(t *testing.T, rows []SheetRow) image.Image {
	t.Helper()
	var buf bytes.Buffer
	if err := Sheet(&buf, rows); err != nil {
		t.Fatal(err)
	}
	im, err := png.Decode(&buf)
	if err != nil {
		t.Fatal(err)
	}
	return im
}

func TestSheet(t *testing.T) {
	red, blue := flat(32, 32, 255, 0, 0), flat(32, 32, 0, 0, 255)
	two := sheet(t, []SheetRow{{"cat", []*dataset.RGB{red, red}, []*dataset.RGB{blue}},
		{"dog", nil, []*dataset.RGB{blue, red}}})
	// Images of 32 px stand in cells of 64, two lines a class.
	x := margin + nameWidth
	second := margin + 2*64 + gap + classGap // the second class
	for _, c := range []struct {
		x, y int
		want color.Color
	}{
		{x, margin, color.RGBA{255, 0, 0, 255}},
		{x + 63, margin + 63, color.RGBA{255, 0, 0, 255}},
		{x + 64, margin, color.White},
		{x + 64 + gap, margin, color.RGBA{255, 0, 0, 255}},
		{x, margin + 64 + gap, color.RGBA{0, 0, 255, 255}},
		{x + 64 + gap, margin + 64 + gap, color.White}, // there is no second synthetic image
		{x, second, color.White},                       // there is no real one
		{x + 64 + gap, second + 64 + gap, color.RGBA{255, 0, 0, 255}},
	} {
		if got := two.At(c.x, c.y); !same(got, c.want) {
			t.Errorf("pixel %d, %d is %v, want %v", c.x, c.y, got, c.want)
		}
	}
	if want := image.Rect(0, 0, 2*margin+nameWidth+2*64+gap, 2*margin+2*(2*64+gap)+classGap); two.Bounds() != want {
		t.Errorf("the sheet is %v, want %v", two.Bounds(), want)
	}
	one := sheet(t, []SheetRow{{"cat", nil, []*dataset.RGB{blue}}})
	if want := image.Rect(0, 0, 2*margin+nameWidth+64, 2*margin+64); one.Bounds() != want ||
		!same(one.At(x, margin), color.RGBA{0, 0, 255, 255}) {
		t.Errorf("without real images the sheet is %v, want %v with one line a class", one.Bounds(), want)
	}
}

func same(a, b color.Color) bool {
	r1, g1, b1, a1 := a.RGBA()
	r2, g2, b2, a2 := b.RGBA()
	return r1 == r2 && g1 == g2 && b1 == b2 && a1 == a2
}

func TestSheetOfLargeImagesIsNotEnlarged(t *testing.T) {
	im := sheet(t, []SheetRow{{"a name far too long for the place that there is for names", nil,
		[]*dataset.RGB{flat(256, 200, 1, 2, 3)}}})
	if got, want := im.Bounds().Dx(), 2*margin+nameWidth+256; got != want {
		t.Errorf("the sheet is %d wide, want %d", got, want)
	}
}

func TestSheetOfNothing(t *testing.T) {
	for _, rows := range [][]SheetRow{nil, {{Name: "cat"}}} {
		if err := Sheet(&bytes.Buffer{}, rows); err == nil {
			t.Errorf("%v: drawn, want an error", rows)
		}
	}
}
