package parquet

import (
	"fmt"
	"slices"
)

// Lists lie in a column as their innermost values, one after the other. The level of repetition of a value is the depth
// of the innermost list that goes on with it; 0 begins a row (Dremel, section 4.1). So rows of equal lists, of lengths
// d1, …, dL from the outermost, have the level k before value j where k is the least with
//
//	j ≡ 0 (mod d(k+1)·…·dL)
//
// and a page of version 1 may end within a row.

// Lists is how deep the lists of a row are; 0: a row has one value.
func (c Column) Lists() int { return c.lists }

// Numeric tells whether the values are numbers that count, which [File.Numbers] reads.
func (c Column) Numeric() bool {
	switch c.Type {
	case Boolean, Int32, Int64, Float, Double:
		return c.Meaning == ""
	}
	return c.half
}

// maxNumbers bounds what the rows of a page may say of themselves by runs alone, without bytes for each.
const maxNumbers = 1 << 24

// Numbers calls add with each row of a column in a row group: the lengths of its lists, from the outermost, which are
// none where a row is one number, and the numbers. A row or a list without a value, and lists of one depth that differ
// in length within a row, are errors. add must not keep the numbers.
func (f *File) Numbers(group, column int, add func(shape []int, numbers []float64) error) error {
	c := f.Columns[column]
	pages, err := f.Pages(group, column)
	if err != nil {
		return err
	}
	if !c.Numeric() {
		return bad("column %s holds %v, want numbers", c.Name, c.Type)
	}
	a := assembler{column: c, add: add}
	for _, p := range pages {
		if err = f.readNumbers(&a, f.chunks[group][column].codec, p); err != nil {
			break
		}
	}
	if err == nil {
		err = a.flush()
	}
	if err == nil && a.rows != f.Groups[group] {
		err = bad("%d rows, want %d", a.rows, f.Groups[group])
	}
	if err != nil {
		return fmt.Errorf("row group %d, column %s, row %d: %w", group, c.Name, a.rows, err)
	}
	return nil
}

func (f *File) readNumbers(a *assembler, codec int, p Page) error {
	if int64(p.Rows) > max(maxNumbers, 8*p.header.compressed) {
		return bad("a page of %d values in %d bytes", p.Rows, p.header.compressed)
	}
	reps, defs, data, err := f.pageData(a.column, codec, p)
	if err != nil {
		return err
	}
	for i, level := range defs {
		if int(level) < a.column.levels {
			for j := range i + 1 { // each 0 ends the row before it
				if (reps == nil || reps[j] == 0) && j+len(a.numbers) > 0 {
					a.rows++
				}
			}
			return bad("a number is null, or a list is empty")
		}
	}
	d, _, err := f.decoded(a.column, codec, p, p.Rows, data)
	if err != nil {
		return err
	}
	for i := range p.Rows {
		if reps == nil || reps[i] == 0 {
			if err := a.flush(); err != nil {
				return err
			}
		} else if len(a.numbers) == 0 {
			return bad("a list goes on before it begins")
		}
		if reps != nil {
			a.reps = append(a.reps, reps[i])
		}
		if d.floats != nil {
			a.numbers = append(a.numbers, d.floats[i])
		} else {
			a.numbers = append(a.numbers, float64(d.ints[i]))
		}
	}
	return nil
}

// assembler puts rows together.
type assembler struct {
	column Column
	add    func(shape []int, numbers []float64) error

	reps    []uint32 // of the row that is open
	numbers []float64
	rows    int // that were added

	last  []uint32 // levels of the row before, and its shape
	shape []int
}

// flush ends the row that is open.
func (a *assembler) flush() error {
	if len(a.numbers) == 0 {
		return nil
	}
	var err error
	if a.rows == 0 || !slices.Equal(a.reps, a.last) {
		a.shape, err = shapeOf(a.reps, a.column.lists)
		a.last = append(a.last[:0], a.reps...)
	}
	if err == nil {
		err = a.add(a.shape, a.numbers)
	}
	if err != nil {
		return err
	}
	a.reps, a.numbers = a.reps[:0], a.numbers[:0]
	a.rows++
	return nil
}

// shapeOf returns the lengths of the lists of a row.
func shapeOf(reps []uint32, lists int) ([]int, error) {
	if lists == 0 {
		return nil, nil
	}
	strides := make([]int, lists+1) // strides[k]: numbers of a list at depth k + 1, and at last 1 of a number
	for k := range lists {
		// up to where a list at depth k + 1 begins again
		strides[k] = len(reps)
		if again := slices.IndexFunc(reps[1:], func(r uint32) bool { return int(r) <= k }); again >= 0 {
			strides[k] = 1 + again
		}
	}
	strides[lists] = 1
	shape := make([]int, lists)
	for k := range lists {
		if shape[k] = strides[k] / strides[k+1]; shape[k]*strides[k+1] != strides[k] {
			return nil, fmt.Errorf("its lists at depth %d differ in length", k+2)
		}
	}
	for j, r := range reps {
		if want := slices.IndexFunc(strides, func(stride int) bool { return j%stride == 0 }); int(r) != want {
			return nil, fmt.Errorf("its lists at depth %d differ in length", max(want, int(r)))
		}
	}
	return shape, nil
}
