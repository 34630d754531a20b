package evaluate

import (
	"fmt"
	"math"
	"slices"

	"mgd3/matrix"
	"mgd3/weights"
)

// fkdBatch is the content of one file; see fkd.
type fkdBatch struct {
	n, k    int
	coords  []float32 // [n, 4]
	flips   []bool
	index   []int // nil: no mixture
	lambda  float64
	corners []int // of the box, nil where whole images are mixed
	logits  []float32
	classes []int // [n, k], whose the logits are, the largest of each image; nil: all, in their order
}

// readFKD reads a file.
func readFKD(file string) (*fkdBatch, error) {
	tree, err := weights.OpenTree(file)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	b, err := fkdOf(tree.Value)
	if err != nil {
		return nil, fmt.Errorf("%q: %w: %w", file, ErrStored, err)
	}
	return b, nil
}

func fkdOf(v any) (*fkdBatch, error) {
	list, ok := v.([]any)
	if !ok || len(list) != 6 && len(list) != 7 {
		return nil, fmt.Errorf("want a list of six: coordinates, flips, index, λ, box and logits; the classes of " +
			"these may follow")
	}
	logits, ok := list[5].(weights.Tensor)
	if !ok || len(logits.Shape) != 2 || logits.Shape[0] < 1 || logits.Shape[1] < 1 {
		return nil, fmt.Errorf("the last of the list is no tensor of logits [n, classes]")
	}
	b := &fkdBatch{n: logits.Shape[0], k: logits.Shape[1]}
	var err error
	if b.logits, err = logits.Float32s(); err != nil {
		return nil, fmt.Errorf("its logits: %w", err)
	}
	if b.coords, err = floatsOf(list[0]); err != nil || len(b.coords) != 4*b.n {
		return nil, fmt.Errorf("its coordinates are %d numbers, want four of each of %d images", len(b.coords), b.n)
	}
	flips, err := floatsOf(list[1])
	if err != nil || len(flips) != b.n {
		return nil, fmt.Errorf("it has %d flips of %d images", len(flips), b.n)
	}
	for _, v := range flips {
		b.flips = append(b.flips, v != 0)
	}
	for _, v := range b.logits {
		if math.IsNaN(float64(v)) {
			return nil, fmt.Errorf("a logit is %v, want numbers", v)
		}
	}
	if len(list) == 7 {
		if err := b.readClasses(list[6], logits.Shape); err != nil {
			return nil, err
		}
	}
	return b, b.readMix(list[2], list[3], list[4])
}

// readClasses reads whose the logits are, where only the largest were kept. Other lists of seven have the parameters of
// RandAugment, which is not known here.
func (b *fkdBatch) readClasses(v any, shape []int) error {
	t, ok := v.(weights.Tensor)
	if !ok || !slices.Equal(t.Shape, shape) {
		return fmt.Errorf("the last of seven are no classes %v of the logits", shape)
	}
	whole, err := t.Int64s()
	if err != nil {
		return fmt.Errorf("the last of seven are no classes of the logits (those of RandAugment are not read): %w", err)
	}
	for _, class := range whole {
		if class < 0 {
			return fmt.Errorf("a logit is of class %d", class)
		}
		b.classes = append(b.classes, int(class))
	}
	return nil
}

// row returns the logits of image i, of so many classes; those that were not kept are absent.
func (b *fkdBatch) row(i, classes int) []float32 {
	kept := b.logits[i*b.k : (i+1)*b.k]
	if b.classes == nil {
		return kept
	}
	row := slices.Repeat([]float32{absent}, classes)
	for j, class := range b.classes[i*b.k : (i+1)*b.k] {
		row[class] = kept[j]
	}
	return row
}

// largest is the class of the largest logit of image i.
func (b *fkdBatch) largest(i int) int {
	at := matrix.ArgMax(b.logits[i*b.k : (i+1)*b.k])
	if b.classes == nil {
		return at
	}
	return b.classes[i*b.k+at]
}

// readMix reads how the batch was mixed.
func (b *fkdBatch) readMix(index, lambda, box any) error {
	if index == nil {
		return nil
	}
	if t, ok := index.(weights.Tensor); ok && t.DType == "U8" && b.n > 256 {
		return fmt.Errorf("its index of %d images is of bytes, which wrapped at 256", b.n)
	}
	places, err := floatsOf(index)
	if err != nil || len(places) != b.n {
		return fmt.Errorf("its index has %d places for %d images", len(places), b.n)
	}
	for _, v := range places {
		if !(v >= 0 && int(v) < b.n) {
			return fmt.Errorf("its index has place %v of %d", v, b.n)
		}
		b.index = append(b.index, int(v))
	}
	if box != nil {
		corners, err := floatsOf(box)
		if err != nil || len(corners) != 4 {
			return fmt.Errorf("its box has %d numbers, want the rows and columns from and to", len(corners))
		}
		for _, v := range corners {
			b.corners = append(b.corners, int(v))
		}
		return nil
	}
	share, err := floatsOf([]any{lambda})
	if err != nil || !(share[0] >= 0 && share[0] <= 1) {
		return fmt.Errorf("its λ is %v, want 0 to 1", lambda)
	}
	b.lambda = float64(share[0])
	if v, ok := lambda.(float64); ok {
		b.lambda = v
	}
	return nil
}

// floatsOf returns the numbers of a tensor, or of a list of numbers and tensors.
func floatsOf(v any) ([]float32, error) {
	switch v := v.(type) {
	case weights.Tensor:
		if values, err := v.Float32s(); err == nil {
			return values, nil
		}
		if v.DType == "BOOL" {
			var list []float32
			for _, b := range v.Bytes() {
				list = append(list, float32(b))
			}
			return list, nil
		}
		whole, err := v.Int64s()
		var list []float32
		for _, x := range whole {
			list = append(list, float32(x))
		}
		return list, err
	case float64:
		return []float32{float32(v)}, nil
	case int:
		return []float32{float32(v)}, nil
	case bool:
		if v {
			return []float32{1}, nil
		}
		return []float32{0}, nil
	case []any:
		var list []float32
		for _, inner := range v {
			values, err := floatsOf(inner)
			if err != nil {
				return nil, err
			}
			list = append(list, values...)
		}
		return list, nil
	}
	return nil, fmt.Errorf("neither numbers nor a tensor")
}

// box is the crop of the i-th image, of w × h pixels, rounded as PIL's crop does.
func (b *fkdBatch) box(i, w, h int) Box {
	c := b.coords[4*i:][:4]
	top, left := float64(c[0])*float64(h), float64(c[1])*float64(w)
	bottom, right := top+float64(c[2])*float64(h), left+float64(c[3])*float64(w)
	return Box{nearest(top), nearest(left), nearest(bottom) - nearest(top), nearest(right) - nearest(left)}
}

// mix is how the batch was mixed, of images of size × size pixels.
func (b *fkdBatch) mix(size int) Mix {
	if b.index == nil {
		order := make([]int, b.n)
		for i := range order {
			order[i] = i
		}
		return Mix{Kept: 1, Permutation: order}
	}
	if b.corners == nil {
		return Mix{Kept: b.lambda, Permutation: b.index}
	}
	within := func(v int) int { return min(max(v, 0), size) }
	c := b.corners
	top, left := within(c[0]), within(c[1])
	box := Box{top, left, max(0, within(c[2])-top), max(0, within(c[3])-left)}
	return newMix([4]int{b.n, 3, size, size}, b.index, box)
}

// apply mixes the images x [n, 3, size, size].
func (b *fkdBatch) apply(x []float32, mix Mix, size int) {
	if b.index == nil {
		return
	}
	if b.corners != nil {
		mix.apply(x, [4]int{b.n, 3, size, size})
		return
	}
	n := 3 * size * size
	from := append([]float32{}, x...)
	for i, other := range b.index {
		for j := range n {
			x[i*n+j] = float32(b.lambda*float64(from[i*n+j]) + (1-b.lambda)*float64(from[other*n+j]))
		}
	}
}
