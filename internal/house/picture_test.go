package house

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write docs/inside.svg anew")

// TestPicture holds the picture in docs against the table of rooms. To draw it anew:
//
//	go test ./internal/house -run TestPicture -update
func TestPicture(t *testing.T) {
	const path = "../../docs/inside.svg"
	want := picture()
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Errorf("%s is not what the table of rooms draws; draw it anew with -update", path)
	}
}

// Measures of the picture in pixels.
const (
	width   = 1320
	left    = 180 // of the column of titles
	boxH    = 26
	rowH    = 58 // from row to row of a storey
	margin  = 16 // above and below the rows of a storey
	letterW = 72 // tenths
)

// box is a room in its place; x is its middle and y its top.
type box struct {
	room    string
	x, y, w float64
}

// picture draws the storeys, the highest above. In a storey a room is one row above the highest of those that it
// imports there, so that all arrows lead down. An arrow is left out where others lead the same way round.
func picture() []byte {
	arrows := reduced()
	boxes, rows := placed(arrows)
	var b bytes.Buffer
	total := 0
	for i := range storeys {
		total += margin*2 + rows[i]*rowH - (rowH - boxH)
	}
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="monospace" `+
		`font-size="12">`+"\n", width, total)
	fmt.Fprintln(&b, `<rect width="100%" height="100%" fill="#fff"/>`)
	y := 0
	for i, s := range slices.Backward(storeys) {
		h := margin*2 + rows[i]*rowH - (rowH - boxH)
		fmt.Fprintf(&b, `<rect x="0" y="%d" width="%d" height="%d" fill="%s"/>`+"\n", y, width, h,
			[]string{"#f6f7f9", "#e9edf2"}[i%2])
		fmt.Fprintf(&b, `<text x="12" y="%d" font-family="sans-serif" fill="#556">%s</text>`+"\n", y+h/2+4, s.title)
		y += h
	}
	for _, from := range slices.Sorted(maps.Keys(arrows)) {
		for _, to := range arrows[from] {
			p, q := boxes[from], boxes[to]
			y0, y1 := p.y+boxH, q.y
			bend, ink := (y1-y0)/2, "0.6"
			if y1-y0 > 6*rowH {
				ink = "0.25" // what reaches far is faint, so that the near stays plain
			}
			fmt.Fprintf(&b, `<path d="M%.0f %.0f C%.0f %.0f %.0f %.0f %.0f %.0f" fill="none" stroke="#57a" `+
				`stroke-opacity="%s"/>`+"\n", p.x, y0, p.x, y0+bend, q.x, y1-bend, q.x, y1, ink)
		}
	}
	for _, room := range slices.Sorted(maps.Keys(boxes)) {
		p := boxes[room]
		fmt.Fprintf(&b, `<rect x="%.0f" y="%.0f" width="%.0f" height="%d" rx="4" fill="#fff" stroke="#345"/>`+"\n",
			p.x-p.w/2, p.y, p.w, boxH)
		fmt.Fprintf(&b, `<text x="%.0f" y="%.0f" text-anchor="middle">%s</text>`+"\n", p.x, p.y+17, room)
	}
	fmt.Fprintln(&b, "</svg>")
	return b.Bytes()
}

// reduced are the imports between rooms of the picture without those that a longer way has as well: the transitive
// reduction, which is one and only in a graph without circles.
func reduced() map[string][]string {
	at := heights()
	direct := map[string][]string{}
	for room := range at {
		for _, name := range rooms[room] {
			if _, ok := at[name]; ok {
				direct[room] = append(direct[room], name)
			}
		}
		slices.Sort(direct[room])
	}
	var reaches func(from, to string) bool
	reaches = func(from, to string) bool {
		return slices.ContainsFunc(direct[from], func(next string) bool { return next == to || reaches(next, to) })
	}
	arrows := map[string][]string{}
	for room, imports := range direct {
		for _, to := range imports {
			if !slices.ContainsFunc(imports, func(via string) bool { return reaches(via, to) }) {
				arrows[room] = append(arrows[room], to)
			}
		}
	}
	return arrows
}

// placed gives every room its place, and every storey its number of rows. A row is ordered by the mean place of what
// its rooms import and are imported by, a few times over (Sugiyama, Tagawa and Toda 1981), which leaves few crossings.
func placed(arrows map[string][]string) (boxes map[string]*box, rows []int) {
	at, boxes := heights(), map[string]*box{}
	var row func(room string) int // in its storey, counted from below
	row = func(room string) int {
		r := 0
		for _, name := range rooms[room] {
			if height, ok := at[name]; ok && height == at[room] {
				r = max(r, row(name)+1)
			}
		}
		return r
	}
	var all [][]*box // rows from the top of the picture
	y := 0.0
	rows = make([]int, len(storeys))
	for i, s := range slices.Backward(storeys) {
		lines := map[int][]*box{}
		for _, room := range s.rooms {
			b := &box{room: room, w: float64(letterW*utf8.RuneCountInString(room)/10 + 14)}
			boxes[room] = b
			lines[row(room)] = append(lines[row(room)], b)
		}
		rows[i] = len(lines)
		y += margin
		for r := len(lines) - 1; r >= 0; r-- {
			for _, b := range lines[r] {
				b.y = y
			}
			all = append(all, lines[r])
			y += rowH
		}
		y += margin - (rowH - boxH)
	}
	near := map[string][]string{} // both ways
	for from, tos := range arrows {
		for _, to := range tos {
			near[from], near[to] = append(near[from], to), append(near[to], from)
		}
	}
	for range 30 {
		for _, line := range all {
			spread(line)
		}
		for _, line := range all {
			means := map[*box]float64{}
			for _, b := range line {
				means[b] = b.x
				if n := len(near[b.room]); n > 0 {
					sum := 0.0
					for _, name := range near[b.room] {
						sum += boxes[name].x
					}
					means[b] = sum / float64(n)
				}
			}
			slices.SortStableFunc(line, func(a, b *box) int {
				return cmp.Or(cmp.Compare(means[a], means[b]), cmp.Compare(a.room, b.room))
			})
			spread(line)
		}
	}
	return boxes, rows
}

// spread puts the boxes of a row side by side, with equal gaps.
func spread(line []*box) {
	free := float64(width - left)
	for _, b := range line {
		free -= b.w
	}
	gap, x := free/float64(len(line)+1), float64(left)
	for _, b := range line {
		x += gap
		b.x = x + b.w/2
		x += b.w
	}
}
