// Package report shows results to people: a [Result] as text and as JSON, diagrams as SVG,
// and contact sheets of images as PNG.
//
// A contact sheet has two rows of cells for each class, real images above and synthetic ones below, or
// one where no class has real images. Cells are squares of the largest image's side, enlarged by a
// whole number where that is small.
package report

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"slices"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"mgd3/dataset"
)

// SheetRow is one class of a contact sheet. The real images and the synthetic ones may differ in number.
type SheetRow struct {
	Name            string
	Real, Synthetic []*dataset.RGB
}

const (
	smallest  = 64  // pixels of a cell, at least
	gap       = 4   // between cells
	classGap  = 14  // between classes
	margin    = 16  // around the sheet
	nameWidth = 150 // for the names at the left
	fontSize  = 13
)

var ink = color.Gray{0x30}

// ErrNoImages says that there is nothing to draw.
var ErrNoImages = errors.New("a sheet of no images")

// Sheet writes a contact sheet as PNG.
func Sheet(w io.Writer, rows []SheetRow) error {
	l, err := newLayout(rows)
	if err != nil {
		return err
	}
	sheet := image.NewRGBA(image.Rectangle{Max: l.size})
	draw.Draw(sheet, sheet.Bounds(), l.pictures(rows).Image(), image.Point{}, draw.Src)
	write, err := writer(sheet)
	if err != nil {
		return err
	}
	for i, row := range rows {
		y := l.top(i)
		write(margin, y+fontSize, row.Name)
		if l.lines == 2 {
			write(margin, y+2*fontSize+6, "real, nearest to modes")
			write(margin, y+l.cell+gap+fontSize, "synthetic")
		}
	}
	return png.Encode(w, sheet)
}

// layout says where things stand, in pixels.
type layout struct {
	scale int         // pixels of the sheet to one of an image
	cell  int         // side of a cell
	lines int         // rows of cells of a class
	size  image.Point // of the sheet
}

func newLayout(rows []SheetRow) (layout, error) {
	side, columns := 0, 0
	l := layout{lines: 1}
	for _, row := range rows {
		if len(row.Real) > 0 {
			l.lines = 2
		}
		columns = max(columns, len(row.Real), len(row.Synthetic))
		for _, im := range slices.Concat(row.Real, row.Synthetic) {
			side = max(side, im.W, im.H)
		}
	}
	if side == 0 {
		return l, ErrNoImages
	}
	l.scale = max(1, (smallest+side-1)/side)
	l.cell = side * l.scale
	l.size = image.Pt(
		2*margin+nameWidth+columns*(l.cell+gap)-gap,
		2*margin+len(rows)*(l.lines*(l.cell+gap)-gap+classGap)-classGap)
	return l, nil
}

// top is where the i-th class begins.
func (l layout) top(i int) int { return margin + i*(l.lines*(l.cell+gap)-gap+classGap) }

// pictures is the sheet without words.
func (l layout) pictures(rows []SheetRow) *dataset.RGB {
	sheet := dataset.White(l.size.X, l.size.Y)
	for i, row := range rows {
		y := l.top(i)
		if l.lines == 2 {
			l.line(sheet, y, row.Real)
			y += l.cell + gap
		}
		l.line(sheet, y, row.Synthetic)
	}
	return sheet
}

// line draws one row of cells.
func (l layout) line(sheet *dataset.RGB, y int, images []*dataset.RGB) {
	for j, im := range images {
		sheet.Place(margin+nameWidth+j*(l.cell+gap), y, im, l.scale)
	}
}

// writer returns a function that writes a line of text, cut to the width for names, with its base line at y.
func writer(dst draw.Image) (func(x, y int, text string), error) {
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, fmt.Errorf("font: %w", err)
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: fontSize, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		return nil, fmt.Errorf("font: %w", err)
	}
	d := font.Drawer{Dst: dst, Src: image.NewUniform(ink), Face: face}
	return func(x, y int, text string) {
		runes := []rune(text)
		for d.MeasureString(string(runes)) > fixed.I(nameWidth-gap) {
			runes = runes[:len(runes)-1]
		}
		d.Dot = fixed.P(x, y)
		d.DrawString(string(runes))
	}, nil
}
