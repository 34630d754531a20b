package train

import (
	"io"

	"mgd3/dataset"
	"mgd3/stage/atomicfile"
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
	sheet := dataset.White(columns*side+sheetGap, len(rows)*side+sheetGap)
	for i, row := range rows {
		for j, im := range row {
			sheet.Place(sheetGap+j*side, sheetGap+i*side, im, sheetScale)
		}
	}
	return sheet
}

func writePNG(path string, im *dataset.RGB) error {
	return atomicfile.Write(path, func(w io.Writer) error { return dataset.WritePNG(w, im) })
}
