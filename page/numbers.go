package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"path/filepath"
	"strings"

	"mgd3/report"
	"mgd3/stage/atomicfile"
)

// numbers is a result as the template wants it.
type numbers struct {
	report.Result
	Tables     []numberTable
	Plots      []plot
	Confusions []confusion
}

// confusion is a matrix as the template wants it.
type confusion struct {
	report.Confusion
	Open            bool
	Pairs           []report.Pair
	MorePairs       int
	Worst           []report.ClassAccuracy
	MoreClasses     []report.ClassAccuracy
	SVG             template.HTML
	File, CSV, JSON link
}

// few rows of a matrix's tables are shown at once.
const few = 20

func newConfusion(c report.Confusion) (v confusion, err error) {
	v = confusion{Confusion: c, Pairs: c.Pairs(), Worst: c.Accuracies()}
	v.MorePairs = max(0, len(v.Pairs)-few)
	v.Pairs = v.Pairs[:min(few, len(v.Pairs))]
	if len(v.Worst) > few {
		v.Worst, v.MoreClasses = v.Worst[:few], v.Worst[few:]
	}
	var svg []byte
	if v.SVG, svg, err = inline(c.SVG); err != nil {
		return v, err
	}
	table, err := c.CSV()
	if err != nil {
		return v, err
	}
	data, err := json.Marshal(c)
	name := "confusion-" + fileName(c.Title)
	v.File, v.CSV = svgLink(name, svg), fileLink("CSV", name+".csv", "text/csv", table)
	v.JSON = fileLink("JSON", name+".json", "application/json", data)
	return v, err
}

// numberTable is a table, as a file too. One whose numbers have a unit (an accuracy in %) is also a chart of bars.
type numberTable struct {
	Title   string
	Cells   [][]string // the titles first
	Chart   template.HTML
	CSV     link
	SVG     link
	Command string
}

type plot struct {
	Title   string
	SVG     template.HTML
	File    link
	Command string
}

// newNumbers makes tables and plots parts of the page.
func newNumbers(r report.Result) (*numbers, error) {
	n := &numbers{Result: r}
	for _, t := range r.Tables {
		table := numberTable{Title: t.Title, Cells: t.Strings(), Command: t.Command}
		text, err := t.CSV()
		if err != nil {
			return nil, err
		}
		table.CSV = fileLink("CSV", fileName(t.Title)+".csv", "text/csv", text)
		if t.Unit != "" && len(t.Rows) > 0 && len(t.Columns) > 0 {
			bars := t
			bars.Title = "" // the page has it above the table
			svg, file, err := inline(bars.SVG)
			if err != nil {
				return nil, fmt.Errorf("table %q: %w", t.Title, err)
			}
			table.Chart, table.SVG = svg, svgLink(fileName(t.Title), file)
		}
		n.Tables = append(n.Tables, table)
	}
	for _, p := range r.Plots {
		svg, file, err := inline(p.SVG)
		if err != nil {
			return nil, err
		}
		n.Plots = append(n.Plots, plot{p.Title, svg, svgLink(fileName(p.Title), file), p.Command})
	}
	for i, c := range r.Confusions {
		v, err := newConfusion(c)
		if err != nil {
			return nil, fmt.Errorf("confusion of %q: %w", c.Title, err)
		}
		v.Open = i == 0
		n.Confusions = append(n.Confusions, v)
	}
	return n, nil
}

// inline draws an SVG as a part of a page: without what comes before the element. Its texts are escaped by vgsvg.
func inline(draw func(io.Writer) error) (template.HTML, []byte, error) {
	var b bytes.Buffer
	if err := draw(&b); err != nil {
		return "", nil, err
	}
	return template.HTML(b.Bytes()[bytes.Index(b.Bytes(), []byte("<svg")):]), b.Bytes(), nil
}

// fileName is a title as the name of a file: at most 60 of the letters a to z, digits and '-', so that it is one on
// every system; "table" if nothing is left.
func fileName(title string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, title)
	for strings.Contains(name, "--") {
		name = strings.ReplaceAll(name, "--", "-")
	}
	if name = strings.Trim(name, "-"); name == "" {
		return "table"
	}
	return name[:min(60, len(name))]
}

// HTML writes a page of numbers alone, those of a comparison say. Equal results give equal bytes.
func HTML(w io.Writer, r report.Result) error {
	g := &gathered{Options: Options{Title: r.Title, Numbers: []report.Result{r}}}
	v := &view{Title: r.Title, Style: style, Script: script}
	n, err := newNumbers(r)
	if err != nil {
		return err
	}
	v.Numbers = []*numbers{n}
	if v.Downloads, err = g.downloads(); err != nil {
		return err
	}
	return page.Execute(w, v)
}

// Plots writes every plot of a result, and every table with a unit, as SVG into a folder, and returns the files;
// "" is nowhere.
func Plots(dir string, r report.Result) (files []string, err error) {
	if dir == "" {
		return nil, nil
	}
	draw := map[string]func(io.Writer) error{}
	var names []string
	add := func(title string, svg func(io.Writer) error) {
		name := fileName(title)
		for draw[name] != nil { // titles that differ in other characters alone
			name += "-2"
		}
		draw[name], names = svg, append(names, name)
	}
	for _, t := range r.Tables {
		if t.Unit != "" && len(t.Rows) > 0 && len(t.Columns) > 0 {
			add(t.Title, t.SVG)
		}
	}
	for _, p := range r.Plots {
		add(p.Title, p.SVG)
	}
	for _, c := range r.Confusions {
		add("confusion "+c.Title, c.SVG)
	}
	for _, name := range names {
		file := filepath.Join(dir, name+".svg")
		if err := atomicfile.Write(file, draw[name]); err != nil {
			return files, err
		}
		files = append(files, file)
	}
	return files, nil
}
