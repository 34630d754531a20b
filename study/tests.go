package study

import (
	"fmt"

	"mgd3/dataset"
	"mgd3/evaluate"
)

// tests are the images that networks are tested on, decoded once for all trainings that look at one size.
type tests struct {
	set        *dataset.Set
	ignoreEXIF bool // as the real images are read to make sets of
	kept       map[evaluate.DataOptions]*evaluate.Data
}

func newTests(set *dataset.Set, ignoreEXIF bool) *tests {
	return &tests{set, ignoreEXIF, map[evaluate.DataOptions]*evaluate.Data{}}
}

// data returns the images as a protocol wants them.
func (t *tests) data(o evaluate.DataOptions) (*evaluate.Data, error) {
	o.IgnoreEXIF = t.ignoreEXIF
	if test, ok := t.kept[o]; ok {
		return test, nil
	}
	test, err := evaluate.NewData(t.set, o)
	if err != nil {
		return nil, fmt.Errorf("test images: %w", err)
	}
	t.kept[o] = test
	return test, nil
}
