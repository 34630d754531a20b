package train

import (
	"io"

	"mgd3/dataset"
	"mgd3/internal/atomicfile"
)

const (
	sheetScale = 3 // pixels of a sheet to one of an image
	sheetGap   = 3 // pixels between images
)

// grid lays images, all of one size, out in rows on white.
func grid(rows [][]*dataset.RGB) *dataset.RGB {
	columns := 0
	for _, row := range rows {
		columns = max(columns, len(row))
	}
	side := rows[0][0].W*sheetScale + sheetGap
	sheet := &dataset.RGB{W: columns*side + sheetGap, H: len(rows)*side + sheetGap}
	sheet.Pix = make([]byte, 3*sheet.W*sheet.H)
	for i := range sheet.Pix {
		sheet.Pix[i] = 0xff
	}
	for i, row := range rows {
		for j, im := range row {
			for y := range im.H * sheetScale {
				for x := range im.W * sheetScale {
					at := (sheetGap+i*side+y)*sheet.W + sheetGap + j*side + x
					from := y/sheetScale*im.W + x/sheetScale
					copy(sheet.Pix[3*at:3*at+3], im.Pix[3*from:])
				}
			}
		}
	}
	return sheet
}

func writePNG(path string, im *dataset.RGB) error {
	return atomicfile.Write(path, func(w io.Writer) error { return dataset.WritePNG(w, im) })
}
