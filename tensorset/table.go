package tensorset

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"

	"mgd3/dataset"
	"mgd3/weights"
)

// A Parquet set whose images are lists of numbers, as the library datasets writes Array3D, Sequence and plain lists, is
// read as a dict of its columns: each a tensor [N, …], or a list of words. Images may be
//
//	[H][W][C], [C][H][W]    as all tensors
//	[H][W]                  grey
//	[3][H·W], [H·W][3]      of square images
//	[H·W], [3·H·W]          of square images; of colours it is found out whether a pixel's three lie together
//
// where the column's name says that these are images; other lists of one depth may be features.

// readTable reads the columns that may be images, labels and what else is of one number for each image.
func (f *found) readTable(ctx context.Context, path string, o Options) (any, error) {
	columns, passed, err := dataset.OpenNumbers(ctx, path,
		dataset.OpenOptions{Split: o.Split, Strict: o.Strict}, func(name string, lists int) bool {
			isLabel := labelName(name) && !pictureName(name)
			if isLabel && o.Labels != "" {
				return name == o.Labels || name == o.Labels+"_label"
			}
			return lists != -1 || isLabel
		})
	if err != nil {
		return nil, err
	}
	for _, p := range passed {
		f.note("%v", p)
	}
	f.namesOf = map[string][]string{}
	var items []weights.Item
	for _, c := range columns {
		if c.Texts != nil {
			items = append(items, weights.Item{Key: c.Name, Value: wordsOrNumbers(c.Texts)})
			continue
		}
		t, err := f.ofColumn(c)
		if err != nil {
			return nil, err
		}
		f.namesOf[c.Name] = c.Classes
		items = append(items, weights.Item{Key: c.Name, Value: t})
	}
	if !slices.ContainsFunc(items, func(item weights.Item) bool { return isImages(tensorOf(item.Value)) }) {
		return nil, fmt.Errorf("no column of images: want lists of numbers of the lengths [C H W], [H W C] or [H W] "+
			"for each image, or files; it has %s", describe(items))
	}
	return items, nil
}

// wordsOrNumbers returns texts as a list, or, where all are whole numbers, these.
func wordsOrNumbers(texts []string) (list []any) {
	var numbers []any
	for _, text := range texts {
		if n, err := strconv.Atoi(text); err == nil {
			numbers = append(numbers, n)
		}
		list = append(list, text)
	}
	if len(numbers) == len(list) {
		return numbers
	}
	return list
}

// ofColumn returns a column as a tensor, images with four axes.
func (f *found) ofColumn(c dataset.Column) (weights.Tensor, error) {
	dtype, data := weights.DType("U8"), c.Bytes
	if c.Floats != nil {
		dtype, data = "F32", make([]byte, 0, 4*len(c.Floats))
		for _, v := range c.Floats {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
	}
	each := 1
	for _, n := range c.Shape {
		each *= n
	}
	n := (len(c.Bytes) + len(c.Floats)) / each
	shape := slices.Concat([]int{n}, c.Shape)
	if pictureName(c.Name) && n > 0 {
		var err error
		if shape, err = f.axes(c, n); err != nil {
			return weights.Tensor{}, fmt.Errorf("column %q: %w", c.Name, err)
		}
	}
	return weights.Raw("", dtype, shape, data), nil
}

// pictureName tells whether a column's name says that its lists are images, and can be nothing else.
func pictureName(name string) bool {
	return hasWord(name, "image", "images", "img", "imgs", "pixel", "pixels", "picture", "pictures", "jpg", "png")
}

// axes returns the shape of the tensor of n images, whose rows have one, two or three axes.
func (f *found) axes(c dataset.Column, n int) ([]int, error) {
	s := c.Shape
	square := func(count int) (side int, ok bool) {
		side = int(math.Round(math.Sqrt(float64(count))))
		return side, side*side == count
	}
	switch len(s) {
	case 1:
		if side, ok := square(s[0]); ok {
			f.note("the lists of the column %q, %d numbers each, are taken for grey images of %d × %d pixels", c.Name,
				s[0], side, side)
			return []int{n, 1, side, side}, nil
		}
		side, ok := square(s[0] / 3)
		if !ok || s[0]%3 != 0 {
			return nil, fmt.Errorf("lists of %d numbers, which is no square, nor three: want lists of lists, of the "+
				"lengths [C H W] or [H W C], which say the size", s[0])
		}
		return f.flat(c, n, side)
	case 2:
		if side, ok := square(s[1]); ok && s[0] == 3 && side > 3 {
			f.note("the lists of the column %q, 3 of %d numbers, are taken for the three colours of %d × %d pixels",
				c.Name, s[1], side, side)
			return []int{n, 3, side, side}, nil
		}
		if side, ok := square(s[0]); ok && s[1] == 3 && side > 3 {
			f.note("the lists of the column %q, %d of 3 numbers, are taken for the pixels of %d × %d", c.Name, s[0],
				side, side)
			return []int{n, side, side, 3}, nil
		}
		return []int{n, 1, s[0], s[1]}, nil
	}
	return slices.Concat([]int{n}, s), nil
}

// surer is by how much the one order of colours must be better than the other.
const surer = 1.25

// flat finds out in which order the colours of square images lie in lists of 3·side² numbers. Below a number is, side
// places on, the same colour of the next row where each colour is a plane; where the three of a pixel lie together, it
// is 3·side places on. Neighbours in photographs are alike: the mean difference over the right distance is less.
func (f *found) flat(c dataset.Column, n, side int) ([]int, error) {
	at := func(i int) float64 {
		if c.Floats != nil {
			return float64(c.Floats[i])
		}
		return float64(c.Bytes[i])
	}
	apart := func(distance int) (sum float64) {
		each := 3 * side * side
		for i := range n {
			for j := range each - 3*side {
				sum += math.Abs(at(i*each+j+distance) - at(i*each+j))
			}
		}
		return sum
	}
	planes, pixels := apart(side), apart(3*side)
	if n == 0 || max(planes, pixels) < surer*min(planes, pixels) {
		return nil, fmt.Errorf("lists of %d numbers may be [3 %[2]d %[2]d] or [%[2]d %[2]d 3], and the numbers do not "+
			"tell which (neighbours differ by %.3g or %.3g): want lists of lists of these lengths", 3*side*side, side,
			planes/float64(max(n, 1)), pixels/float64(max(n, 1)))
	}
	order, shape := fmt.Sprintf("[3 %d %d]", side, side), []int{n, 3, side, side}
	if pixels < planes {
		order, shape = fmt.Sprintf("[%d %d 3]", side, side), []int{n, side, side, 3}
	}
	f.note("the lists of the column %q, %d numbers each, are taken for %s, since neighbours are %.2g times as near to "+
		"each other so", c.Name, 3*side*side, order, max(planes, pixels)/min(planes, pixels))
	return shape, nil
}
