package findings

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"math/rand/v2"
	"testing"

	"mgd3/dataset"
)

// TestAlteredCopies: a copy that was mirrored, cut, made smaller or brighter is found; a smooth picture that is only
// near, as skies are, is not.
func TestAlteredCopies(t *testing.T) {
	cut := func(im *dataset.RGB) *dataset.RGB { // 30 of 32 pixels of each side
		out := &dataset.RGB{W: 30, H: 30}
		for y := 1; y < 31; y++ {
			out.Pix = append(out.Pix, im.Pix[3*(32*y+1):3*(32*y+31)]...)
		}
		return out
	}
	mirrored := func(im *dataset.RGB) *dataset.RGB {
		out := &dataset.RGB{W: 32, H: 32}
		for i := range 32 * 32 {
			at := i/32*32 + 31 - i%32
			out.Pix = append(out.Pix, im.Pix[3*at:3*at+3]...)
		}
		return out
	}
	for name, alter := range map[string]func(*dataset.RGB) *dataset.RGB{
		"mirrored": mirrored,
		"cut":      cut,
		"both":     func(im *dataset.RGB) *dataset.RGB { return mirrored(im) },
		"smaller":  func(im *dataset.RGB) *dataset.RGB { return dataset.Resize(im, 20, 20, dataset.Bilinear) },
	} {
		set, real, _ := clean(t)
		set.png(t, "cat", 2, alter(picture(1, 100+7)))
		f := run(t, Input{Set: set.open(t), Real: real.open(t)})
		if got, want := f.kinds(), "copies cat/002.png cat/007.png"; got != want {
			t.Errorf("%s: found %q, want %q", name, got, want)
		}
		if near := f.Nearest["cat"][2]; !near.Copy || near.Name.Name != "007.png" {
			t.Errorf("%s: the nearest is %+v, want the copied one", name, near)
		}
	}
}

// sky is one colour, with a small thing somewhere.
func sky(number int) *dataset.RGB {
	rng := rand.New(rand.NewPCG(7, uint64(number)))
	im := &dataset.RGB{W: 32, H: 32, Pix: bytes.Repeat([]byte{90, 130, 220}, 32*32)}
	x, y := rng.IntN(28), rng.IntN(28)
	for i := range 16 {
		copy(im.Pix[3*(32*(y+i/4)+x+i%4):], []byte{200, uint8(rng.IntN(99)), 20})
	}
	return im
}

// TestSkies: things on a plain sky are near to each other among pictures of other kinds, and none is a copy.
func TestSkies(t *testing.T) {
	set, real, _ := clean(t)
	set.png(t, "cat", 6, sky(0))
	set.png(t, "cat", 7, sky(1))
	real.png(t, "cat", 30, sky(2))
	f := run(t, Input{Set: set.open(t), Real: real.open(t)})
	if near := f.Nearest["cat"][6]; near.Ratio > 0.5 || near.Name.Name != "030.png" {
		t.Fatalf("the nearest is %+v, want the other sky at a ratio of at most 0.5, or nothing is tried here", near)
	}
	if got := f.kinds(); got != "" {
		t.Errorf("found %q, want nothing", got)
	}
	set.write(t, "cat/008.jpg", func(b *bytes.Buffer) error {
		return jpeg.Encode(b, sky(2).Image(), &jpeg.Options{Quality: 50})
	})
	f = run(t, Input{Set: set.open(t), Real: real.open(t)})
	if got, want := f.kinds(), "copies cat/008.jpg cat/030.png"; got != want {
		t.Errorf("found %q, want %q", got, want)
	}
}

// TestAgreement: 1 with itself and with its mirror image, whatever the contrast; little with another.
func TestAgreement(t *testing.T) {
	for n := range 5 {
		a, b := light(sky(n)), light(sky(n+5))
		var weaker, flipped brightness
		for i, v := range a {
			weaker[i] = v/2 + 40
			flipped[i/fine*fine+fine-1-i%fine] = v
		}
		for what, other := range map[string]*brightness{"itself": a, "half the contrast": &weaker,
			"mirrored": &flipped} {
			if got := agreement(a, other); got < 0.99 {
				t.Errorf("sky %d with %s: %.3f, want at least 0.99", n, what, got)
			}
		}
		if got := agreement(a, b); got > 0.9 {
			t.Errorf("sky %d with another: %.3f, want less", n, got)
		}
		if ab, ba := agreement(a, b), agreement(b, a); fmt.Sprintf("%.4f", ab) != fmt.Sprintf("%.4f", ba) {
			t.Errorf("sky %d: %.4f one way and %.4f the other", n, ab, ba)
		}
	}
}
