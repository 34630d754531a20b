package report

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Confusion says how many test images of each class a network took for which class, over one or more trainings.
type Confusion struct {
	Title   string   `json:"title"`
	Classes []string `json:"classes"`
	Images  []int    `json:"images"` // of each class
	Taken   [][3]int `json:"taken"`  // class, the class they were taken for, how many: all that are not 0

	Command string `json:"command,omitempty"` // that makes the numbers
}

// NewConfusion sums the matrices of trainings, each [class][taken for] with as many rows and columns as classes.
func NewConfusion(title string, classes []string, matrices ...[][]int) Confusion {
	c := Confusion{Title: title, Classes: classes, Images: make([]int, len(classes)), Taken: [][3]int{}}
	for a := range classes {
		for b := range classes {
			n := 0
			for _, m := range matrices {
				n += m[a][b]
			}
			if n > 0 {
				c.Taken = append(c.Taken, [3]int{a, b, n})
			}
			c.Images[a] += n
		}
	}
	return c
}

// Pair is a class of which images were taken for another.
type Pair struct {
	Class, As string
	Images    int
	Share     float64 // of the images of the class, 0 to 1
}

// Pairs are those that were confused, the largest share first.
func (c Confusion) Pairs() []Pair {
	var pairs []Pair
	for _, t := range c.Taken {
		if t[0] != t[1] {
			pairs = append(pairs, Pair{c.Classes[t[0]], c.Classes[t[1]], t[2], float64(t[2]) / float64(c.Images[t[0]])})
		}
	}
	slices.SortStableFunc(pairs, func(a, b Pair) int { return cmp.Compare(b.Share, a.Share) })
	return pairs
}

// ClassAccuracy is the share of a class's images that were taken for it.
type ClassAccuracy struct {
	Class    string
	Images   int
	Accuracy float64 // 0 to 1
}

// Accuracies are those of the classes that have test images, the lowest first.
func (c Confusion) Accuracies() []ClassAccuracy {
	hits := make([]int, len(c.Classes))
	for _, t := range c.Taken {
		if t[0] == t[1] {
			hits[t[0]] = t[2]
		}
	}
	var list []ClassAccuracy
	for i, name := range c.Classes {
		if n := c.Images[i]; n > 0 {
			list = append(list, ClassAccuracy{name, n, float64(hits[i]) / float64(n)})
		}
	}
	slices.SortStableFunc(list, func(a, b ClassAccuracy) int { return cmp.Compare(a.Accuracy, b.Accuracy) })
	return list
}

// Text says it in words, for those who do not see the picture: how many are right, and the pairs confused most.
func (c Confusion) Text() string {
	all, hits := 0, 0
	for _, n := range c.Images {
		all += n
	}
	for _, t := range c.Taken {
		if t[0] == t[1] {
			hits += t[2]
		}
	}
	if all == 0 {
		return "No images were tested."
	}
	text := fmt.Sprintf("%d of %d test images of %d classes, %.1f %%, were taken for their own class.", hits, all,
		len(c.Classes), 100*float64(hits)/float64(all))
	var most []string
	pairs := c.Pairs()
	for _, p := range pairs[:min(3, len(pairs))] {
		most = append(most, fmt.Sprintf("%s for %s (%.0f %%)", p.Class, p.As, 100*p.Share))
	}
	if most != nil {
		text += " Taken most often: " + strings.Join(most, ", ") + "."
	}
	if without := c.untested(); len(without) > 0 {
		text += " Without test images: " + strings.Join(without[:min(10, len(without))], ", ")
		if len(without) > 10 {
			text += fmt.Sprintf(" and %d more", len(without)-10)
		}
		text += "."
	}
	return text
}

func (c Confusion) untested() (names []string) {
	for i, n := range c.Images {
		if n == 0 {
			names = append(names, c.Classes[i])
		}
	}
	return names
}

// CSV has a line for each class and class that its images were taken for, where there are any.
func (c Confusion) CSV() ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	lines := [][]string{{"class", "taken_for", "images", "of"}}
	for _, t := range c.Taken {
		lines = append(lines, []string{c.Classes[t[0]], c.Classes[t[1]], strconv.Itoa(t[2]),
			strconv.Itoa(c.Images[t[0]])})
	}
	err := w.WriteAll(lines)
	return b.Bytes(), err
}

// mostDrawn are the classes of a matrix whose squares can be seen; of more, the accuracies are drawn.
const mostDrawn = 100

// SVG draws the matrix: a row for each class, a column for each class that its images were taken for, blue where they
// are the same and orange elsewhere, the darker the larger the share. Of more than 100 classes it draws the accuracies
// of the classes, sorted. Equal matrices give equal bytes.
func (c Confusion) SVG(w io.Writer) error {
	if len(c.Classes) > mostDrawn {
		return c.sorted().SVG(w)
	}
	const named, numbered, levels = 40, 12, 8
	n := len(c.Classes)
	cell, label := max(4, min(32, 420/max(1, n))), 0
	for _, name := range c.Classes {
		if n <= named { // room for letters that are 7 wide
			label = max(label, 12+7*len([]rune(shortened(name))))
		}
	}
	var b bytes.Buffer
	side := label + n*cell + 2
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" `+
		`role="img" font-family="'Liberation Sans',Arial,Helvetica,sans-serif" font-size="%d">`+"\n", side+16, side+16,
		min(11, max(6, cell-2)))
	fmt.Fprintf(&b, "<title>%s</title>\n<desc>%s</desc>\n", escaped(c.Title), escaped(c.Text()))
	var paths [2][levels + 1]strings.Builder
	for _, t := range c.Taken {
		hue, level := 0, 1+t[2]*(levels-1)/c.Images[t[0]]
		if t[0] != t[1] {
			hue = 1
		}
		fmt.Fprintf(&paths[hue][level], "M%d %dh%dv%[3]dh-%[3]dz", label+t[1]*cell, label+t[0]*cell, cell)
	}
	for hue, colour := range []string{"#0072b2", "#d55e00"} {
		for level := range paths[hue] {
			if d := paths[hue][level].String(); d != "" {
				fmt.Fprintf(&b, `<path fill="%s" fill-opacity="%.3g" d="%s"/>`+"\n", colour,
					float64(level)/levels, d)
			}
		}
	}
	fmt.Fprintf(&b, `<rect x="%d" y="%[1]d" width="%d" height="%[2]d" fill="none" stroke="#888"/>`+"\n", label, n*cell)
	for i, name := range c.Classes {
		if n > named {
			break
		}
		at, name := label+i*cell+cell/2, escaped(shortened(name))
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end" dominant-baseline="central">%s</text>`+"\n", label-4, at,
			name)
		fmt.Fprintf(&b, `<text transform="translate(%d %d) rotate(-90)" dominant-baseline="central">%s</text>`+"\n", at,
			label-4, name)
	}
	for _, t := range c.Taken {
		if n <= numbered {
			fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle" dominant-baseline="central">%d</text>`+"\n",
				label+t[1]*cell+cell/2, label+t[0]*cell+cell/2, t[2])
		}
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">taken for</text>`+"\n", label+n*cell/2, side+12)
	fmt.Fprintf(&b, `<text transform="translate(%d %d) rotate(90)" text-anchor="middle">class</text>`+"\n</svg>\n",
		side+4, label+n*cell/2)
	_, err := w.Write(b.Bytes())
	return err
}

// sorted has the accuracies of the classes, the lowest first.
func (c Confusion) sorted() Plot {
	line := Line{}
	for i, a := range c.Accuracies() {
		line.X, line.Y = append(line.X, float64(i+1)), append(line.Y, 100*a.Accuracy)
	}
	return Plot{Title: c.Title, X: "classes, the lowest accuracy first", Y: "accuracy, %", Lines: []Line{line}}
}

func escaped(text string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text))
	return b.String()
}

// shortened is a name that fits beside a matrix.
func shortened(name string) string {
	const most = 16
	if r := []rune(name); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return name
}
