package page

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Map is a class in the plane of its real latents' two principal components.
type Map struct {
	Explained [2]float64 // shares of the variance of the real latents
	Of        int        // real images; Real may be fewer
	Real      [][2]float64
	Covered   []bool // whether an image of the first set stands for it; nil where that is not known
	Modes     []Mark
	Sizes     []int64  // real images of each mode
	Sets      [][]Mark // the images of each set
}

// Mark is a mode or an image on a map. Slot is its place in the class, -1 of a mode without an image; Mode is what the
// image was made from, -1 where that is none of the map's.
type Mark struct {
	At         [2]float64
	Slot, Mode int
}

const (
	mapWidth, mapHeight = 360.0, 300.0
	cell                = 12.0 // side of a cell of the density
)

// place maps the plane onto the picture: the point (x, y) to its middle, scale pixels for a unit of the latents, the
// same in both directions, since distances are to be compared. The second axis points upwards.
type place struct{ x, y, scale float64 }

// place holds all points, with an edge for the circles of the modes.
func (m *Map) place() place {
	lo, hi := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{math.Inf(-1), math.Inf(-1)}
	hold := func(p [2]float64) {
		for k, v := range p {
			lo[k], hi[k] = min(lo[k], v), max(hi[k], v)
		}
	}
	for _, p := range m.Real {
		hold(p)
	}
	for _, marks := range append([][]Mark{m.Modes}, m.Sets...) {
		for _, mark := range marks {
			hold(mark.At)
		}
	}
	const edge = 14
	scale := min((mapWidth-2*edge)/max(hi[0]-lo[0], 1e-9), (mapHeight-2*edge)/max(hi[1]-lo[1], 1e-9))
	return place{(lo[0] + hi[0]) / 2, (lo[1] + hi[1]) / 2, scale}
}

func (p place) at(v [2]float64) (x, y float64) {
	return mapWidth/2 + (v[0]-p.x)*p.scale, mapHeight/2 - (v[1]-p.y)*p.scale
}

// SVG draws the map, 360 × 300 pixels, from back to front: density, real images, lines from each mode to its images,
// modes, images. Colours are those of the page's style. Real images are a path of points without length, drawn as dots
// by its round ends, which takes fewer bytes than as many circles.
//
// class is for readers who do not see it; at is the place of the class on the page, which the ids of points begin with.
func (m *Map) SVG(class string, at int) string {
	var b strings.Builder
	p := m.place()
	fmt.Fprintf(&b, `<svg class="map" viewBox="0 0 %g %g" role="img" aria-label="%s">`, mapWidth, mapHeight,
		html.EscapeString(m.alt(class)))
	m.density(&b, p)
	missed := 0
	var covered, alone strings.Builder
	for i, v := range m.Real {
		x, y := p.at(v)
		into := &covered
		if m.Covered != nil && !m.Covered[i] {
			into, missed = &alone, missed+1
		}
		fmt.Fprintf(into, "M%.0f %.0fh0", x, y)
	}
	fmt.Fprintf(&b, `<path class="real" d="%s"/><path class="alone" d="%s"/>`, covered.String(), alone.String())
	for s, images := range m.Sets {
		for _, im := range images {
			if im.Mode >= 0 {
				x, y := p.at(im.At)
				mx, my := p.at(m.Modes[im.Mode].At)
				fmt.Fprintf(&b, `<path class="link s%d" d="M%.1f %.1fL%.1f %.1f"/>`, s, mx, my, x, y)
			}
		}
	}
	for j, mode := range m.Modes {
		x, y := p.at(mode.At)
		size := m.Sizes[j]
		r := 3 + 9*math.Sqrt(float64(size)/max(1, float64(m.largest()))) // area by size, above a least that can be hit
		card := ""
		if mode.Slot >= 0 {
			card = fmt.Sprintf(` data-mode="%d-%d"`, at, mode.Slot)
		}
		fmt.Fprintf(&b, `<circle class="mode pt" tabindex="-1"%s cx="%.1f" cy="%.1f" r="%.1f">`+
			`<title>mode %d: %d real images</title></circle>`, card, x, y, r, j, size)
	}
	for s, images := range m.Sets {
		for _, im := range images {
			x, y := p.at(im.At)
			of := "image of no mode of this map"
			if im.Mode >= 0 {
				of = fmt.Sprintf("image of mode %d", im.Mode)
			}
			fmt.Fprintf(&b, `<rect class="made pt s%d" data-slot="%d-%d" data-set="%d" x="%.1f" y="%.1f" width="7" `+
				`height="7"><title>%s</title></rect>`, s, at, im.Slot, s, x-3.5, y-3.5, of)
		}
	}
	b.WriteString("</svg>")
	return b.String()
}

// largest is the size of the largest cluster.
func (m *Map) largest() (n int64) {
	for _, size := range m.Sizes {
		n = max(n, size)
	}
	return n
}

// alt says what the map shows.
func (m *Map) alt(class string) string {
	s := fmt.Sprintf("Map of class %s: %d of %d real latents, %d modes and their images, in the plane of two "+
		"principal components with %.0f %% of the variance", class, len(m.Real), m.Of, len(m.Modes),
		100*(m.Explained[0]+m.Explained[1]))
	if n := m.Missed(); n > 0 {
		s += fmt.Sprintf("; no image stands for %d of them", n)
	}
	return s
}

// Missed counts the real images that no image stands for.
func (m *Map) Missed() (n int) {
	for _, is := range m.Covered {
		if !is {
			n++
		}
	}
	return n
}

// density shades cells by how many real images are near, in four steps of the greatest density: a sum of Gaussians of
// σ = one cell around the images, cut off at two cells, taken at the middle of each cell.
func (m *Map) density(b *strings.Builder, p place) {
	const columns, rows = int(mapWidth / cell), int(mapHeight / cell)
	var count [rows][columns]float64
	top := 0.0
	for _, v := range m.Real {
		x, y := p.at(v)
		for dy := -2; dy <= 2; dy++ {
			for dx := -2; dx <= 2; dx++ {
				i, j := int(y/cell)+dy, int(x/cell)+dx
				if i < 0 || j < 0 || i >= rows || j >= columns {
					continue
				}
				cx, cy := (float64(j)+0.5)*cell-x, (float64(i)+0.5)*cell-y
				count[i][j] += math.Exp(-(cx*cx + cy*cy) / (2 * cell * cell))
				top = max(top, count[i][j])
			}
		}
	}
	var paths [5]strings.Builder
	for i := range count {
		for j, n := range count[i] {
			if step := int(5 * n / max(top, 1e-9)); step > 0 {
				fmt.Fprintf(&paths[min(4, step)], "M%g %gh%gv%gh-%gz", float64(j)*cell, float64(i)*cell, cell, cell,
					cell)
			}
		}
	}
	for step := 1; step < len(paths); step++ {
		fmt.Fprintf(b, `<path class="density" opacity="%.2f" d="%s"/>`, 0.06*float64(step), paths[step].String())
	}
}
