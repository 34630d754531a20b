//go:build !noplot

package report

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"io"
	"math"
	"regexp"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// colours are those of Okabe and Ito, which colour-blind readers tell apart, without black and yellow.
var colours = []color.Color{
	color.RGBA{0x00, 0x72, 0xb2, 0xff}, color.RGBA{0xd5, 0x5e, 0x00, 0xff}, color.RGBA{0x00, 0x9e, 0x73, 0xff},
	color.RGBA{0xcc, 0x79, 0xa7, 0xff}, color.RGBA{0xe6, 0x9f, 0x00, 0xff}, color.RGBA{0x56, 0xb4, 0xe9, 0xff},
	color.RGBA{0x66, 0x66, 0x66, 0xff},
}

func colour(i int) color.Color { return colours[i%len(colours)] }

const (
	plotWidth  = 420 // points
	plotHeight = 260
	lineWidth  = vg.Length(1.5)
	textSize   = 10 // points
	edge       = vg.Length(6)
)

// SVG draws the plot. Equal plots give equal bytes.
func (p Plot) SVG(w io.Writer) error {
	d := newDiagram(p.Title, p.X, p.Y)
	for i, line := range p.Lines {
		if err := p.add(d, line, i); err != nil {
			return fmt.Errorf("plot %q, line %q: %w", p.Title, line.Name, err)
		}
	}
	if len(p.Names) > 0 {
		d.NominalX(p.Names...)
		d.X.Min, d.X.Max = -0.5, float64(len(p.Names))-0.5
	}
	return writeSVG(w, d, plotHeight)
}

// add draws one line, its points and its error bars.
func (p Plot) add(d *plot.Plot, l Line, i int) error {
	if len(l.Y) != len(l.X) || (l.Err != nil && len(l.Err) != len(l.X)) {
		return fmt.Errorf("has %d x, %d y and %d errors, want as many of each", len(l.X), len(l.Y), len(l.Err))
	}
	if len(l.X) == 0 {
		return nil
	}
	points := make(plotter.XYs, len(l.X))
	for k := range points {
		points[k] = plotter.XY{X: l.X[k], Y: l.Y[k]}
	}
	line, marks, err := plotter.NewLinePoints(points)
	if err != nil {
		return err
	}
	line.Color, line.Width = colour(i), lineWidth
	marks.Color, marks.Shape, marks.Radius = colour(i), draw.CircleGlyph{}, 2.5
	thumbs := []plot.Thumbnailer{marks}
	if len(p.Names) == 0 {
		d.Add(line)
		thumbs = append(thumbs, line)
	}
	d.Add(marks)
	if l.Name != "" {
		d.Legend.Add(l.Name, thumbs...)
	}
	if l.Err == nil {
		return nil
	}
	bars, err := plotter.NewYErrorBars(whiskers(points, l.Err))
	if err != nil {
		return err
	}
	bars.Color = colour(i)
	d.Add(bars)
	return nil
}

// withErrors are points with error bars of the same length on both sides.
type withErrors struct {
	plotter.XYs
	plotter.XErrors
	plotter.YErrors
}

func whiskers(points plotter.XYs, half []float64) withErrors {
	w := withErrors{points, make(plotter.XErrors, len(half)), make(plotter.YErrors, len(half))}
	for i, v := range half {
		w.XErrors[i].Low, w.XErrors[i].High = v, v
		w.YErrors[i].Low, w.YErrors[i].High = v, v
	}
	return w
}

// SVG draws the table as bars, one group for each row from the top down, one bar for each column, with the standard
// deviation of repeated runs as whiskers. Equal tables give equal bytes.
func (t Table) SVG(w io.Writer) error {
	const thick, between = 9, 8 // points
	d := newDiagram(t.Title, t.Unit, "")
	rows, columns := len(t.Rows), len(t.Columns)
	names := make([]string, rows)
	for i := range names {
		names[i] = t.Rows[rows-1-i].Name
	}
	for j, column := range t.Columns {
		offset := vg.Length(thick) * (vg.Length(columns-1)/2 - vg.Length(j))
		if err := t.bars(d, j, thick, offset); err != nil {
			return fmt.Errorf("table %q, column %q: %w", t.Title, column, err)
		}
	}
	d.NominalY(names...)
	d.X.Min = min(0, d.X.Min)
	d.Y.Min, d.Y.Max = -0.5, float64(rows)-0.5
	return writeSVG(w, d, 60+vg.Length(rows*(columns*thick+between)))
}

// bars draws one column of the table; offset raises its bars within their rows.
func (t Table) bars(d *plot.Plot, column int, thick, offset vg.Length) error {
	rows := len(t.Rows)
	means, stds := make(plotter.Values, rows), make([]float64, rows)
	var ends plotter.XYs
	var errors []float64
	for i, row := range t.Rows {
		at := rows - 1 - i
		c := row.cell(column)
		if len(c.Values) == 0 {
			continue
		}
		means[at], stds[at] = c.MeanStd()
		if len(c.Values) > 1 {
			ends, errors = append(ends, plotter.XY{X: means[at], Y: float64(at)}), append(errors, stds[at])
		}
	}
	chart, err := plotter.NewBarChart(means, thick)
	if err != nil {
		return err
	}
	chart.Horizontal, chart.Offset, chart.Color, chart.LineStyle.Width = true, offset, colour(column), 0
	d.Add(chart)
	if len(t.Columns) > 1 {
		d.Legend.Add(t.Columns[column], chart)
	}
	if len(ends) == 0 {
		return nil
	}
	bars, err := plotter.NewXErrorBars(whiskers(ends, errors))
	if err != nil {
		return err
	}
	bars.CapWidth = thick / 2
	d.Add(raised{bars, offset})
	return nil
}

// raised draws error bars higher than they are.
type raised struct {
	*plotter.XErrorBars
	by vg.Length
}

func (r raised) Plot(c draw.Canvas, p *plot.Plot) {
	c.Min.Y += r.by
	c.Max.Y += r.by
	r.XErrorBars.Plot(c, p)
}

// newDiagram is an empty diagram in the report's style, without a background.
func newDiagram(title, x, y string) *plot.Plot {
	d := plot.New()
	d.BackgroundColor = nil
	d.Title.Text, d.X.Label.Text, d.Y.Label.Text = title, x, y
	d.Title.Padding = 6
	d.Legend.Top, d.Legend.Left, d.Legend.Padding = true, true, 3
	d.Add(plotter.NewGrid())
	for _, f := range []*font.Font{&d.Title.TextStyle.Font, &d.X.Label.TextStyle.Font, &d.Y.Label.TextStyle.Font,
		&d.X.Tick.Label.Font, &d.Y.Tick.Label.Font, &d.Legend.TextStyle.Font} {
		f.Variant, f.Size = "Sans", textSize
	}
	return d
}

// writeSVG draws the diagram.
func writeSVG(w io.Writer, d *plot.Plot, height vg.Length) error {
	for _, v := range []float64{d.X.Min, d.X.Max, d.Y.Min, d.Y.Max} {
		if math.IsNaN(v) {
			return fmt.Errorf("diagram %q: has a value that is no number", d.Title.Text)
		}
	}
	c := vgsvg.New(plotWidth, height)
	area := draw.Crop(draw.New(c), edge, -edge, edge, -edge)
	legend := d.Legend
	width := legend.Rectangle(area).Size().X
	d.Legend = plot.NewLegend() // it is to the right of the diagram, where it covers nothing
	d.Draw(draw.Crop(area, 0, -width-edge, 0, 0))
	legend.Draw(draw.Crop(area, area.Size().X-width, 0, 0, 0))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return err
	}
	// The typeface is metrically the same as these, one of which every machine has.
	svg := bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans;"),
		[]byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif;"))
	_, err := w.Write(fitted(svg, d.X.Label.TextStyle))
	return err
}

var textOf = regexp.MustCompile(`<text ([^>]*)>([^<]*)</text>`)

// fitted gives each text the width that it was drawn for, so that one in a wider typeface covers nothing. All texts are
// in one style.
func fitted(svg []byte, style draw.TextStyle) []byte {
	return textOf.ReplaceAllFunc(svg, func(element []byte) []byte {
		part := textOf.FindSubmatch(element)
		width := style.Width(html.UnescapeString(string(part[2]))).Points()
		return fmt.Appendf(nil, `<text %s textLength="%.1f" lengthAdjust="spacingAndGlyphs">%s</text>`, part[1], width,
			part[2])
	})
}
