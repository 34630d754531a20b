package glyphs

import (
	"cmp"
	"slices"
)

const (
	one  = 256 // a pixel in the units of a point
	rows = 8   // lines on which a pixel's cover is measured
	full = one * rows
)

// cover is how much of each pixel a shape covers, 0..full.
type cover [Size * Size]int64

// crossing is where an outline crosses a line, and to which side: 1 is down.
type crossing struct {
	x    int64
	side int
}

// filler is the memory of fill.
type filler [Size * rows][]crossing

// fill measures the cover of polygons: exact along each of the lines, rows a pixel. What is wound about
// once or more is inside. Whole numbers alone, so that every machine finds the same.
func (f *filler) fill(polygons [][]point) *cover {
	for y := range f {
		f[y] = f[y][:0]
	}
	for _, polygon := range polygons {
		a := polygon[len(polygon)-1]
		for _, b := range polygon {
			f.edge(a, b)
			a = b
		}
	}
	var c cover
	for y, line := range f {
		slices.SortFunc(line, func(a, b crossing) int { return cmp.Or(cmp.Compare(a.x, b.x), a.side-b.side) })
		wound := 0
		for i, at := range line {
			if wound != 0 {
				span(c[y/rows*Size:][:Size], line[i-1].x, at.x)
			}
			wound += at.side
		}
	}
	return &c
}

// edge enters the crossings of the line from a to b.
func (f *filler) edge(a, b point) {
	side := 1
	if a.y > b.y {
		a, b, side = b, a, -1
	}
	const step = one / rows // between lines, the first at half of it
	for y := max(0, ceil(a.y-step/2, step)); y < Size*rows; y++ {
		at := y*step + step/2
		if at >= b.y {
			break
		}
		f[y] = append(f[y], crossing{a.x + (b.x-a.x)*(at-a.y)/(b.y-a.y), side})
	}
}

// ceil returns ⌈a/b⌉.
func ceil(a, b int64) int64 {
	q := a / b
	if q*b < a {
		q++
	}
	return q
}

// span adds the cover of the line from x = low to high to a row of pixels.
func span(row []int64, low, high int64) {
	low, high = max(low, 0), min(high, Size*one)
	for x := low / one; x*one < high; x++ {
		row[x] += min(high, (x+1)*one) - max(low, x*one)
	}
}
