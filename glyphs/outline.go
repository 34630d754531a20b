package glyphs

import (
	"fmt"
	"sync"

	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// point is a place in the plane, y down. Outlines have the unit of their face, images 1/256 pixel.
type point struct{ x, y int64 }

// letter is an outline as closed polygons, the last corner of each joined to the first.
type letter struct {
	polygons [][]point
	centre   point // of its box
}

// face is the letters of one typeface.
type face struct {
	letters   [len(Letters)]letter
	capHeight int64 // of the E, which has no overshoot
}

// load returns the faces of font files, read once at the first call.
func load(files ...[]byte) func() ([]face, error) {
	return sync.OnceValues(func() ([]face, error) {
		faces := make([]face, len(files))
		for i, file := range files {
			var err error
			if faces[i], err = parse(file); err != nil {
				return nil, fmt.Errorf("typeface %d: %w", i, err)
			}
		}
		return faces, nil
	})
}

// parse reads the letters of a TrueType or OpenType file, in 1/64 of the font's own unit, so that none of
// its whole numbers is rounded.
func parse(file []byte) (face, error) {
	var f face
	font, err := sfnt.Parse(file)
	if err != nil {
		return f, err
	}
	var buffer sfnt.Buffer
	unit := fixed.I(int(font.UnitsPerEm()))
	for i, r := range Letters {
		index, err := font.GlyphIndex(&buffer, r)
		if err != nil {
			return f, err
		}
		segments, err := font.LoadGlyph(&buffer, index, unit, nil)
		if err != nil {
			return f, fmt.Errorf("letter %c: %w", r, err)
		}
		l := letter{polygons: flatten(segments)}
		low, high := box(l.polygons)
		l.centre = point{(low.x + high.x) / 2, (low.y + high.y) / 2}
		f.letters[i] = l
		if r == 'E' {
			f.capHeight = high.y - low.y
		}
	}
	return f, nil
}

// pieces is how many straight lines stand for a curve.
const pieces = 8

// flatten returns the segments as polygons.
func flatten(segments sfnt.Segments) [][]point {
	var polygons [][]point
	var now point
	for _, s := range segments {
		a, b, c := at(s.Args[0]), at(s.Args[1]), at(s.Args[2])
		if s.Op == sfnt.SegmentOpMoveTo {
			polygons = append(polygons, []point{a})
			now = a
			continue
		}
		last := &polygons[len(polygons)-1]
		switch s.Op {
		case sfnt.SegmentOpLineTo:
			*last = append(*last, a)
			now = a
		case sfnt.SegmentOpQuadTo:
			for t := int64(1); t <= pieces; t++ {
				u := pieces - t
				*last = append(*last, sum(pieces*pieces, u*u, now, 2*u*t, a, t*t, b, 0, b))
			}
			now = b
		case sfnt.SegmentOpCubeTo:
			for t := int64(1); t <= pieces; t++ {
				u := pieces - t
				*last = append(*last, sum(pieces*pieces*pieces, u*u*u, now, 3*u*u*t, a, 3*u*t*t, b, t*t*t, c))
			}
			now = c
		}
	}
	return polygons
}

func at(p fixed.Point26_6) point { return point{int64(p.X), int64(p.Y)} }

// sum returns (i·a + j·b + k·c + l·d)/n.
func sum(n, i int64, a point, j int64, b point, k int64, c point, l int64, d point) point {
	return point{(i*a.x + j*b.x + k*c.x + l*d.x) / n, (i*a.y + j*b.y + k*c.y + l*d.y) / n}
}

// box returns the corners of the smallest box around the polygons.
func box(polygons [][]point) (low, high point) {
	low, high = polygons[0][0], polygons[0][0]
	for _, polygon := range polygons {
		for _, p := range polygon {
			low = point{min(low.x, p.x), min(low.y, p.y)}
			high = point{max(high.x, p.x), max(high.y, p.y)}
		}
	}
	return low, high
}
