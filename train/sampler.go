package train

import (
	"maps"

	"mgd3/dataset"
	"mgd3/engine"
)

// sampler runs a network with parameters that change between the runs.
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
