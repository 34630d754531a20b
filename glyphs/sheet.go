package glyphs

import (
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
)

// Sheet writes a picture of the set as PNG: a column for each letter, rows of images of train above rows of
// images of test, at twice their size.
func Sheet(w io.Writer, train, test int) error {
	const cell, gap = 2 * Size, 4
	const width = len(Letters) * (cell + gap)
	sheet := image.NewRGBA(image.Rect(0, 0, width-gap, (train+test)*(cell+gap)+gap))
	draw.Draw(sheet, sheet.Rect, image.White, image.Point{}, draw.Src)
	for row := range train + test {
		split, i, y := "train", row, row*(cell+gap)
		if row >= train {
			split, i, y = "test", row-train, y+2*gap
		}
		for class := range Letters {
			im, err := Draw(split, class, uint64(i))
			if err != nil {
				return err
			}
			for p := range cell * cell {
				x, y := class*(cell+gap)+p%cell, y+p/cell
				rgb := im.Pix[3*(p/cell/2*Size+p%cell/2):]
				sheet.SetRGBA(x, y, color.RGBA{rgb[0], rgb[1], rgb[2], 0xff})
			}
		}
	}
	return png.Encode(w, sheet)
}
