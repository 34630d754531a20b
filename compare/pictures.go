package compare

import (
	"bytes"
	"context"
	"fmt"

	"mgd3/baseline"
	"mgd3/dataset"
	"mgd3/report"
)

// What a sheet of a set shows at most.
const (
	sheetClasses = 10
	sheetImages  = 10 // of a class
	sheetSide    = 64 // pixels of an image; larger ones are made smaller
)

// Pictures returns a sheet of each method's first set, of the first number of images, from the folders that Compare
// made them in.
func Pictures(ctx context.Context, o Options) ([]report.Picture, error) {
	var pictures []report.Picture
	o.Report = nil
	w := newComparer(&o)
	for _, m := range o.rows() {
		if m == baseline.Full {
			continue
		}
		id := baseline.ID{Method: m, IPC: o.IPCs[0]}
		if g := o.given(id); g != nil {
			id = g.id(0)
		}
		set, err := w.images(ctx, id)
		if err != nil {
			return nil, err
		}
		png, err := firstImages(ctx, set)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", id, err)
		}
		pictures = append(pictures, report.Picture{Title: id.String(), Caption: captions[m], PNG: png})
	}
	return pictures, w.close()
}

var captions = map[baseline.Method]string{
	baseline.MGD3:     "Sampled, pulled to the modes of the class until stop.",
	baseline.NoStop:   "Sampled, pulled to the modes to the end.",
	baseline.Unguided: "Sampled by the diffusion model alone.",
	baseline.Nearest:  "The real image nearest to each mode.",
	baseline.Herding:  "Real images whose mean latent follows that of the class.",
	baseline.KCenter:  "Real images far from each other.",
	baseline.Random:   "Real images by chance.",
}

// firstImages is the first images of a set's first classes as PNG.
func firstImages(ctx context.Context, set *dataset.Set) ([]byte, error) {
	small := dataset.LoadOptions{Then: func(im *dataset.RGB) *dataset.RGB {
		if min(im.W, im.H) <= sheetSide {
			return im
		}
		return dataset.CropCenter(im, sheetSide)
	}}
	var rows []report.SheetRow
	for _, class := range set.Classes[:min(sheetClasses, len(set.Classes))] {
		row := report.SheetRow{Name: class.Name}
		for sample := range set.Load(ctx, class.Images[:min(sheetImages, len(class.Images))], small) {
			if sample.Err != nil {
				return nil, sample.Err
			}
			row.Synthetic = append(row.Synthetic, sample.Image)
		}
		rows = append(rows, row)
	}
	var png bytes.Buffer
	err := report.Sheet(&png, rows)
	return png.Bytes(), err
}
