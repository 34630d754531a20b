package report

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// HTML writes the result as one page that needs nothing else: no script, no other file, no network. A table that
// has a unit is drawn as bars too. Titles, notes and names are text, whatever they hold.
func HTML(w io.Writer, r Result) error {
	v, err := newView(r)
	if err != nil {
		return err
	}
	return page.Execute(w, v)
}

// view is a result as the page's template wants it.
type view struct {
	Result
	Tables   []viewTable
	Plots    []template.HTML
	Pictures []viewPicture
}

type viewTable struct {
	Title string
	Cells [][]string // the titles first
	Chart template.HTML
}

type viewPicture struct {
	Picture
	URL template.URL
}

func newView(r Result) (view, error) {
	v := view{Result: r}
	for _, t := range r.Tables {
		table := viewTable{Title: t.Title, Cells: t.Strings()}
		if t.Unit != "" && len(t.Rows) > 0 && len(t.Columns) > 0 {
			bars := t
			bars.Title = ""
			svg, err := inline(bars.SVG)
			if err != nil {
				return v, fmt.Errorf("table %q: %w", t.Title, err)
			}
			table.Chart = svg
		}
		v.Tables = append(v.Tables, table)
	}
	for _, p := range r.Plots {
		svg, err := inline(p.SVG)
		if err != nil {
			return v, err
		}
		v.Plots = append(v.Plots, svg)
	}
	for _, p := range r.Pictures {
		if !bytes.HasPrefix(p.PNG, []byte("\x89PNG\r\n\x1a\n")) {
			return v, fmt.Errorf("picture %q: is no PNG file", p.Title)
		}
		url := "data:image/png;base64," + base64.StdEncoding.EncodeToString(p.PNG)
		v.Pictures = append(v.Pictures, viewPicture{p, template.URL(url)})
	}
	return v, nil
}

// inline draws an SVG as a part of a page: without what comes before the element. Its texts are escaped by vgsvg.
func inline(draw func(io.Writer) error) (template.HTML, error) {
	var b bytes.Buffer
	if err := draw(&b); err != nil {
		return "", err
	}
	return template.HTML(b.Bytes()[bytes.Index(b.Bytes(), []byte("<svg")):]), nil
}
