package page

import (
	"bytes"
	"context"
	"encoding/base64"
	"html/template"
	"image/jpeg"

	"mgd3/dataset"
)

// key names an image of one of the sets: "set-0", "real" or "test", class and name.
type key struct{ set, class, name string }

// Picture is a picture as a page has it.
type Picture struct {
	URL  template.URL
	Alt  string
	W, H int
}

// thumbs are the small pictures of a page. A picture that is shown in several places is in the page once for each: a
// data: URL cannot be referred to.
type thumbs struct {
	wanted map[key]bool         // true: an image of a set, which is shown larger than real ones
	small  map[key]*dataset.RGB // as large as the first level allows
	url    map[key]template.URL // at the level that was chosen
	level  level
}

// level is how large pictures are: the longer side in pixels of images of a set and of real ones, and JPEG's quality
// in 1 … 100.
type level struct{ made, real, quality int }

// levels are tried one after the other, from first; the pictures of a page are at most [largest] bytes. The last level
// is taken whatever the size.
var levels = []level{{192, 96, 88}, {128, 80, 85}, {96, 64, 80}, {80, 56, 72}, {64, 48, 60}, {48, 32, 50}}

func newThumbs() *thumbs {
	return &thumbs{wanted: map[key]bool{}, small: map[key]*dataset.RGB{}, url: map[key]template.URL{}}
}

func (t *thumbs) want(set, class, name string, made bool) {
	if name != "" {
		k := key{set, class, name}
		t.wanted[k] = t.wanted[k] || made
	}
}

// load reads all pictures that are wanted of a set, in a size that the largest level has.
func (t *thumbs) load(ctx context.Context, name string, set *dataset.Set, how dataset.LoadOptions) error {
	if set == nil {
		return nil
	}
	first := t.first()
	for _, class := range set.Classes {
		var refs []dataset.Ref
		for _, ref := range class.Images {
			if _, is := t.wanted[key{name, class.Name, ref.Name}]; is {
				refs = append(refs, ref)
			}
		}
		for sample := range set.Load(ctx, refs, how) {
			if sample.Err != nil {
				return sample.Err
			}
			k := key{name, class.Name, sample.Ref.Name}
			t.small[k] = within(sample.Image, first.side(t.wanted[k]))
		}
	}
	return ctx.Err()
}

func (l level) side(made bool) int {
	if made {
		return l.made
	}
	return l.real
}

// first is the first level that may fit, by the number of pictures alone; it decides what size is kept in memory.
func (t *thumbs) first() level {
	switch n := len(t.wanted); {
	case n <= 300:
		return levels[0]
	case n <= 900:
		return levels[1]
	}
	return levels[2]
}

// within makes an image that is larger than a square of a side smaller.
func within(im *dataset.RGB, side int) *dataset.RGB {
	longest := max(im.W, im.H)
	if longest <= side {
		return im
	}
	return dataset.Resize(im, max(1, im.W*side/longest), max(1, im.H*side/longest), dataset.Bilinear)
}

// write encodes all pictures at the first level at which they fit. Every level begins with the pictures as they were
// read and not with those of the level before, which would blur twice.
func (t *thumbs) write() error {
	first := t.first()
	for _, l := range levels {
		if l.made > first.made {
			continue
		}
		total := 0
		t.level = l
		for k, im := range t.small {
			url, err := l.url(within(im, l.side(t.wanted[k])))
			if err != nil {
				return err
			}
			t.url[k] = url
			total += len(url)
		}
		if total <= largest {
			break
		}
	}
	return nil
}

// url is a picture as a part of a page: JPEG, or PNG where that is no larger, as it is of drawings.
func (l level) url(im *dataset.RGB) (template.URL, error) {
	var j, p bytes.Buffer
	if err := jpeg.Encode(&j, im.Image(), &jpeg.Options{Quality: l.quality}); err != nil {
		return "", err
	}
	if im.W*im.H <= 64*64 { // PNG of a larger photograph is larger than JPEG
		if err := dataset.WritePNG(&p, im); err != nil {
			return "", err
		}
		if p.Len() <= j.Len() || (p.Len() < 4096 && l == levels[0]) {
			return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(p.Bytes())), nil
		}
	}
	return template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(j.Bytes())), nil
}

// get is a picture with a text in its place; one that is not there has no URL.
func (t *thumbs) get(set, class, name, alt string) *Picture {
	k := key{set, class, name}
	im := t.small[k]
	if im == nil {
		return nil
	}
	return &Picture{URL: t.url[k], Alt: alt, W: im.W, H: im.H}
}
