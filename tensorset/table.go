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
	f.namesOf, f.columns = map[string][]string{}, map[string]*dataset.Column{}
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

// ofColumn returns a column as a tensor, images with four axes. That of lists within lists has no elements: it bears
// the name of its column, by which f.columns has it, and is read row by row.
func (f *found) ofColumn(c *dataset.Column) (weights.Tensor, error) {
	dtype := weights.DType("F32")
	if c.Whole {
		dtype = "U8"
	}
	shape := slices.Concat([]int{c.Rows}, c.Shape)
	if pictureName(c.Name) && c.Rows > 0 {
		var err error
		if shape, err = f.axes(c); err != nil {
			return weights.Tensor{}, fmt.Errorf("column %q: %w", c.Name, err)
		}
	}
	if len(shape) > 2 {
		f.columns[c.Name] = c
		return weights.Raw(c.Name, dtype, shape, []byte{}), nil
	}
	data, err := elements(c, 0, c.Rows*c.Each())
	return weights.Raw("", dtype, shape, data), err
}

// elements returns some of a column's as a tensor has them.
func elements(c *dataset.Column, first, n int) (data []byte, err error) {
	v := make([]float32, c.Each())
	data = make([]byte, 0, n)
	for end := first + n; first < end; first += len(v) {
		v = v[:min(len(v), end-first)]
		if err := c.Read(v, first); err != nil {
			return nil, err
		}
		for _, x := range v {
			if c.Whole {
				data = append(data, uint8(x))
			} else {
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
			}
		}
	}
	return data, nil
}

// pictureName tells whether a column's name says that its lists are images, and can be nothing else.
func pictureName(name string) bool {
	return hasWord(name, "image", "images", "img", "imgs", "pixel", "pixels", "picture", "pictures", "jpg", "png")
}

// axes returns the shape of the tensor of images, whose rows have one, two or three axes.
func (f *found) axes(c *dataset.Column) ([]int, error) {
	s, n := c.Shape, c.Rows
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
		return f.flat(c, side)
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
func (f *found) flat(c *dataset.Column, side int) ([]int, error) {
	n, v := c.Rows, make([]float32, 3*side*side)
	var planes, pixels float64
	apart := func(distance int) (sum float64) {
		for j := range len(v) - 3*side {
			sum += math.Abs(float64(v[j+distance]) - float64(v[j]))
		}
		return sum
	}
	for i := range n {
		if err := c.Read(v, i*len(v)); err != nil {
			return nil, err
		}
		planes, pixels = planes+apart(side), pixels+apart(3*side)
	}
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
