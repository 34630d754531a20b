package page

import (
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"mgd3/dataset"
	"mgd3/findings"
	"mgd3/stage/atomicfile"
)

var (
	//go:embed page.html
	pageText string
	//go:embed page.css
	style template.CSS
	//go:embed page.js
	script template.JS
)

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"percent": func(share float64) string { return fmt.Sprintf("%.1f", 100*share) },
}).Parse(pageText))

// view is a page as its template wants it. Findings, facts, numbers and downloads are on the first page alone.
type view struct {
	Title     string
	Style     template.CSS
	Script    template.JS
	Notes     []string // what the page cannot show, and why
	Commands  []string
	Sets      []Source
	Facts     [][2]string // name and value
	Numbers   []*numbers
	Findings  []viewCheck
	Found     int // findings of all checks together
	Checked   int // checks that were not skipped
	HasFinds  bool
	Classes   []viewClass
	Pages     []link // of a set that has more than one
	Downloads []link
}

// link leads to another page (File) or to a file in this one (URL, a data: URL that is saved as File).
type link struct {
	Name, File string
	URL        template.URL
	Here       bool // the page itself
}

// viewCheck is a check with its first findings as pictures, and the others as text: a check may find thousands.
type viewCheck struct {
	findings.Check
	Shown []viewItem
	More  []findings.Item
}

// viewItem is a finding: the image, and the one that it is compared with, nil of findings about one image.
type viewItem struct {
	findings.Item
	A, B *Picture
	Slot string
}

// viewClass is a class, with its map as a part of the page and as a file.
type viewClass struct {
	Class
	At    int // its place on this page, from 0: what the ids of its map and its rows begin with
	SVG   template.HTML
	File  link
	Cards []viewSlot
}

// Percent are the shares of the variance that the map's axes have, in %.
func (c viewClass) Percent() [2]float64 {
	return [2]float64{100 * c.Map.Explained[0], 100 * c.Map.Explained[1]}
}

// viewSlot is a row: real images nearest to the mode, its image in each set, and the real image nearest to the first.
type viewSlot struct {
	Slot
	ID     string // "CLASS-SLOT" by their numbers; the script finds the row of a point of the map by it
	Real   []*Picture
	Images []*Picture // one of each set; nil where it has none
	Near   *Picture
	Note   string // how near that is
	Copy   bool   // it is on the list of copies
}

// Write writes a page to path, and further ones beside it where the set has more than a thousand images: path-2.html
// and so on. It returns their names, and what was found.
func Write(ctx context.Context, o Options, path string) (files []string, f *findings.Findings, err error) {
	g, err := gather(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	parts := g.parts()
	name := func(i int) string {
		if i == 0 {
			return path
		}
		ext := filepath.Ext(path)
		return fmt.Sprintf("%s-%d%s", strings.TrimSuffix(path, ext), i+1, ext)
	}
	for i := range parts {
		files = append(files, name(i))
	}
	for i, part := range parts {
		v, err := g.view(ctx, part, i == 0)
		if err != nil {
			return nil, nil, err
		}
		for k, file := range files {
			if len(files) > 1 {
				v.Pages = append(v.Pages, link{Name: strconv.Itoa(k + 1), File: filepath.Base(file), Here: k == i})
			}
		}
		if err := atomicfile.Write(files[i], func(w io.Writer) error { return page.Execute(w, v) }); err != nil {
			return nil, nil, err
		}
	}
	return files, g.Findings, nil
}

// parts cuts the classes into pages of at most most images, those of all sets counted. A class that does not fit on the
// rest of a page begins a new one; one that fits on no page is cut. Every part has at least one slot of a class, so the
// loop ends even if the sets are so many that one slot is more than a page.
func (g *gathered) parts() [][]Class {
	parts := [][]Class{nil}
	n := 0
	for _, c := range g.Classes {
		for lo := 0; lo == 0 || lo < len(c.Slots); {
			room := (most - n) / max(1, len(g.Sources))
			if n > 0 && room < min(len(c.Slots)-lo, most/max(1, len(g.Sources))) {
				parts, n = append(parts, nil), 0
				continue
			}
			some := c
			hi := min(len(c.Slots), lo+max(1, room))
			some.Slots = c.Slots[lo:hi]
			parts[len(parts)-1] = append(parts[len(parts)-1], some)
			n += (hi - lo) * len(g.Sources)
			lo = max(hi, 1)
		}
	}
	return parts
}

func setKey(s int) string { return "set-" + strconv.Itoa(s) }

// view makes one page, in three steps, since the size of pictures depends on how many there are: want names the
// pictures, load reads each file once, and write encodes them all at the size that fits.
func (g *gathered) view(ctx context.Context, classes []Class, first bool) (*view, error) {
	v := &view{Title: g.Title, Style: style, Script: script, Notes: g.Notes, Commands: g.Commands,
		Sets: g.Sources}
	t := newThumbs()
	fewReal := 3 // real images beside each image; fewer where they would make all pictures small
	if len(classes) > 0 && g.count(classes) > 300 {
		fewReal = 1
	}
	for _, c := range classes {
		for _, slot := range c.Slots {
			for _, name := range slot.Real[:min(fewReal, len(slot.Real))] {
				t.want("real", c.Name, name, false)
			}
			for s, name := range slot.Images {
				t.want(setKey(s), c.Name, name, true)
			}
			if slot.Near != nil {
				t.want("real", slot.Near.Name.Class, slot.Near.Name.Name, false)
			}
		}
	}
	if first && g.Findings != nil {
		for _, check := range g.Findings.Checks {
			for _, item := range check.Items[:min(perFinding, len(check.Items))] {
				t.wantName(item.Image)
				if item.Other != nil {
					t.wantName(*item.Other)
				}
			}
		}
	}
	for s, source := range g.Sources {
		if err := t.load(ctx, setKey(s), source.Images, dataset.LoadOptions{}); err != nil {
			return nil, err
		}
	}
	how := g.How
	if how.Then == nil {
		how.Then = findings.Square
	}
	for name, set := range map[string]*dataset.Set{"real": g.Real, "test": g.Test} {
		if err := t.load(ctx, name, set, how); err != nil {
			return nil, err
		}
	}
	if err := t.write(); err != nil {
		return nil, err
	}
	g.classViews(v, classes, t, fewReal)
	if !first {
		return v, nil
	}
	g.findingViews(v, t)
	v.Facts = g.facts()
	for _, r := range g.Numbers {
		n, err := newNumbers(r)
		if err != nil {
			return nil, err
		}
		v.Numbers = append(v.Numbers, n)
	}
	var err error
	v.Downloads, err = g.downloads()
	return v, err
}

func (t *thumbs) wantName(n findings.Name) { t.want(setOf(n), n.Class, n.Name, n.Set == "set") }

// setOf is the set of an image in a finding, as the keys of thumbs name it: findings are about the first set alone.
func setOf(n findings.Name) string {
	if n.Set == "set" {
		return setKey(0)
	}
	return n.Set
}

// count is how many images of the sets a page has.
func (g *gathered) count(classes []Class) (n int) {
	for _, c := range classes {
		n += len(c.Slots)
	}
	return n * len(g.Sources)
}

func (g *gathered) classViews(v *view, classes []Class, t *thumbs, fewReal int) {
	for at, c := range classes {
		class := viewClass{Class: c, At: at}
		if c.Map != nil {
			svg := c.Map.SVG(c.Name, at)
			class.SVG = template.HTML(svg) // its texts are escaped
			class.File = svgLink(c.Name+" map", []byte(strings.Replace(svg, "<svg ", standalone, 1)))
		}
		for _, slot := range c.Slots {
			s := viewSlot{Slot: slot, ID: fmt.Sprintf("%d-%d", at, slot.Place)}
			for k, name := range slot.Real[:min(fewReal, len(slot.Real))] {
				if p := t.get("real", c.Name, name, fmt.Sprintf("real image %d nearest to mode %d: %s", k+1, slot.Mode,
					name)); p != nil {
					s.Real = append(s.Real, p)
				}
			}
			for k, name := range slot.Images {
				s.Images = append(s.Images, t.get(setKey(k), c.Name, name, fmt.Sprintf("%s, image %s of class %s",
					g.Sources[k].Name, name, c.Name)))
			}
			if n := slot.Near; n != nil {
				s.Near = t.get("real", n.Name.Class, n.Name.Name, fmt.Sprintf("real image nearest to %s: %s/%s",
					slot.Images[0], n.Name.Class, n.Name.Name))
				s.Copy = n.Copy
				s.Note = fmt.Sprintf("%.1f grey levels; %.1f %% of the real images are nearer to another one", n.D,
					n.Percentile)
			}
			class.Cards = append(class.Cards, s)
		}
		v.Classes = append(v.Classes, class)
	}
}

func (g *gathered) findingViews(v *view, t *thumbs) {
	if g.Findings == nil {
		return
	}
	v.HasFinds = true
	for _, check := range g.Findings.Checks {
		c := viewCheck{Check: check}
		v.Found += len(check.Items)
		if check.Skipped == "" {
			v.Checked++
		}
		for i, item := range check.Items {
			if i >= perFinding {
				c.More = check.Items[perFinding:]
				break
			}
			shown := viewItem{Item: item, A: t.get(setOf(item.Image), item.Image.Class, item.Image.Name,
				item.Image.Set+" image "+item.Image.String())}
			if item.Other != nil {
				shown.B = t.get(setOf(*item.Other), item.Other.Class, item.Other.Name,
					item.Other.Set+" image "+item.Other.String())
			}
			c.Shown = append(c.Shown, shown)
		}
		v.Findings = append(v.Findings, c)
	}
}
