package train

import (
	"context"
	"maps"

	"mgd3/dataset"
	"mgd3/diffusion"
	"mgd3/engine"
	"mgd3/latent"
	"mgd3/rng"
)

// sampler runs a network with parameters that change between the runs: it is compiled once, and reads its weights by
// name from a map that set fills.
type sampler struct {
	program *engine.Program
	weights engine.Weights
}

func newSampler(e *engine.Engine, name string, f engine.Func) (*sampler, error) {
	w := engine.Weights{}
	program, err := e.Compile(name, f, w)
	return &sampler{program, w}, err
}

// set gives the network the parameters w.
func (s *sampler) set(w engine.Weights) { maps.Copy(s.weights, w) }

const (
	sheetRows    = 10 // classes on a sheet, at most
	sheetColumns = 10 // images of a class
)

// drawSheet draws a row of images of each of the first classes, of latents [channels, height, width], from the same
// noise every time.
func (o *Options) drawSheet(ctx context.Context, process *diffusion.Sampler, step diffusion.Stepper, dims [3]int,
	classes int,
	decoder *latent.Autoencoder) (*dataset.RGB, error) {
	var rows [][]*dataset.RGB
	for class := range min(classes, sheetRows) {
		batch := diffusion.Batch{
			Dims:  dims,
			Modes: make([]float32, sheetColumns*dims[0]*dims[1]*dims[2]),
			Noise: func(image, step int, dst []float32) {
				rng.Normals(rng.Stream(o.Protocol.Seed, "sheet", uint64(class), uint64(image), uint64(step+1)), dst)
			},
		}
		for range sheetColumns {
			batch.Labels = append(batch.Labels, int32(class))
		}
		latents, err := process.Run(ctx, step, batch)
		if err != nil {
			return nil, err
		}
		pixels := make([]float32, sheetColumns*3*o.Images.Size*o.Images.Size)
		if err := decoder.DecodeTo(pixels, latents, o.Images.Size); err != nil {
			return nil, err
		}
		rows = append(rows, imagesOf(pixels, o.Images.Size))
	}
	return grid(rows), nil
}

// firstRows returns the places of some images of each of the first classes, spread evenly over its own.
func firstRows(set *dataset.Set) [][]int {
	var rows [][]int
	first := 0
	for _, class := range set.Classes[:min(len(set.Classes), sheetRows)] {
		all := len(class.Images)
		row := make([]int, min(all, sheetColumns))
		for i := range row {
			row[i] = first + i*all/len(row)
		}
		rows = append(rows, row)
		first += all
	}
	return rows
}

// imagesOf turns [n, 3, side, side] into images.
func imagesOf(x []float32, side int) []*dataset.RGB {
	var images []*dataset.RGB
	for n := 3 * side * side; len(x) > 0; x = x[n:] {
		images = append(images, dataset.FromTensor(x[:n], side, side))
	}
	return images
}
