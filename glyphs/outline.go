package glyphs

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
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

// segment is a piece of an outline by its letter in SVG's paths, from the end of the piece before it to its own
// last point.
type segment struct {
	op   byte // M, L, Q or C
	args [3]point
}

// argsOf is how many points a segment has.
var argsOf = map[string]int{"M": 1, "L": 1, "Q": 2, "C": 3}

// readFaces returns the typefaces of a split, in their order in faces.txt, whose form _faces/main.go tells.
func readFaces(text, split string) ([]face, error) {
	var faces []face
	next := 0 // of Letters: which the last typeface lacks
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != split {
			continue
		}
		if len(words) < 4 {
			return nil, fmt.Errorf("line %q, want split, typeface, letter, path", line)
		}
		if next %= len(Letters); words[2] != Letters[next:next+1] {
			return nil, fmt.Errorf("typeface %q has letter %q, want %q", words[1], words[2], Letters[next:next+1])
		}
		if next == 0 {
			faces = append(faces, face{})
		}
		segments, err := path(words[3:])
		if err != nil {
			return nil, fmt.Errorf("typeface %q, letter %q: %w", words[1], words[2], err)
		}
		f, l := &faces[len(faces)-1], letter{polygons: flatten(segments)}
		low, high := box(l.polygons)
		l.centre = point{(low.x + high.x) / 2, (low.y + high.y) / 2}
		if f.letters[next] = l; words[2] == "E" {
			f.capHeight = high.y - low.y
		}
		next++
	}
	if len(faces) == 0 || next != len(Letters) {
		return nil, fmt.Errorf("split %q ends at typeface %d, letter %d, want all of %s",
			split, len(faces), next, Letters)
	}
	return faces, nil
}

// path reads the words of a path, which begins with a move.
func path(words []string) ([]segment, error) {
	var segments []segment
	for len(words) > 0 {
		op, n := words[0], argsOf[words[0]]
		if n == 0 || len(words) <= 2*n || len(segments) == 0 && op != "M" {
			return nil, fmt.Errorf("segment %d is %q with %d words after it", len(segments), op, len(words)-1)
		}
		s := segment{op: op[0]}
		for i := range n {
			x, errX := strconv.ParseInt(words[1+2*i], 10, 32)
			y, errY := strconv.ParseInt(words[2+2*i], 10, 32)
			if err := cmp.Or(errX, errY); err != nil {
				return nil, fmt.Errorf("segment %d: %w", len(segments), err)
			}
			s.args[i] = point{x, y}
		}
		segments, words = append(segments, s), words[1+2*n:]
	}
	return segments, nil
}

// pieces is how many straight lines stand for a curve.
const pieces = 8

// flatten returns the segments as polygons.
func flatten(segments []segment) [][]point {
	var polygons [][]point
	var now point
	for _, s := range segments {
		a, b, c := s.args[0], s.args[1], s.args[2]
		if s.op == 'M' {
			polygons = append(polygons, []point{a})
			now = a
			continue
		}
		last := &polygons[len(polygons)-1]
		switch s.op {
		case 'L':
			*last = append(*last, a)
			now = a
		case 'Q':
			for t := int64(1); t <= pieces; t++ {
				u := pieces - t
				*last = append(*last, sum(pieces*pieces, u*u, now, 2*u*t, a, t*t, b, 0, b))
			}
			now = b
		case 'C':
			for t := int64(1); t <= pieces; t++ {
				u := pieces - t
				*last = append(*last, sum(pieces*pieces*pieces, u*u*u, now, 3*u*u*t, a, 3*u*t*t, b, t*t*t, c))
			}
			now = c
		}
	}
	return polygons
}

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
