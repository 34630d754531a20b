package scoring

import (
	"context"

	"mgd3/dataset"
	"mgd3/matrix"
)

// Embed returns the features of all images of a set, and their names with their classes. An image that cannot be read
// is an error.
func (m *Embedder) Embed(ctx context.Context, set *dataset.Set) (names []string, x matrix.Matrix, err error) {
	x.Cols = m.width
	source := m.Source(set, false)
	for _, class := range set.Classes {
		of, err := source(ctx, class.Name)
		if err != nil {
			return nil, x, err
		}
		x.Rows, x.Data = x.Rows+of.Rows, append(x.Data, of.Data...)
		for _, ref := range class.Images {
			names = append(names, class.Name+"/"+ref.Name)
		}
	}
	return names, x, nil
}
