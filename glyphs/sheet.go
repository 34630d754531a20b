package glyphs

import (
	"io"

	"mgd3/dataset"
)

// Sheet writes a picture of the set as PNG: a column for each letter, rows of images of train above rows of
// images of test, at twice their size.
func Sheet(w io.Writer, train, test int) error {
	const scale, gap = 2, 4
	const step = scale*Size + gap
	sheet := dataset.White(len(Letters)*step-gap, (train+test)*step+gap)
	for row := range train + test {
		split, i, y := "train", row, row*step
		if row >= train {
			split, i, y = "test", row-train, y+2*gap
		}
		for class := range Letters {
			im, err := Draw(split, class, uint64(i))
			if err != nil {
				return err
			}
			sheet.Place(class*step, y, im, scale)
		}
	}
	return dataset.WritePNG(w, sheet)
}
