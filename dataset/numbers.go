package dataset

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"mgd3/dataset/internal/parquet"
	"mgd3/store"
)

// Column is a column of a Parquet set of which the images are lists of numbers, and no files.
type Column struct {
	Name    string
	Shape   []int     // lengths of the lists of each row, from the outermost; none: a row is one number
	Bytes   []byte    // the numbers of all rows, where they are whole and from 0 to 255 …
	Floats  []float32 // … and where not
	Texts   []string  // of each row, where it has text
	Classes []string  // names of the numbers 0, 1, …; nil if the set has none
}

// mostNumbers bounds the memory of a column, in bytes.
const mostNumbers = 8 << 30

// HasNumbers reports whether a path is that of a Parquet set whose images are lists of numbers. Its error is of the
// file system.
func HasNumbers(path, split string) (bool, error) {
	in, ok, err := tablesAt(path, split)
	if err != nil || !ok {
		return false, err
	}
	p, err := newPiece(filepath.Join(in.dir, in.names[0]))
	if err != nil {
		return false, notFailed(err)
	}
	f, err := parquet.Open(p, p.size)
	if err != nil {
		return false, notFailed(err)
	}
	t := &table{piece: p, File: f}
	_, err = t.one("image", "Image", imageColumns, nil)
	return err != nil && t.lists() != "", nil
}

// notFailed passes the errors of a file system on, and no others.
func notFailed(err error) error {
	if store.Failed(err) {
		return err
	}
	return nil
}

// tablesAt returns the Parquet files that a path names.
func tablesAt(path, split string) (found, bool, error) {
	info, err := store.Stat(path)
	if err != nil {
		return found{}, false, notFailed(err)
	}
	if info.IsDir() {
		in, ok, err := findLayout(path, split)
		if err != nil || !ok || filepath.Ext(in.names[0]) != ".parquet" {
			return found{}, false, notFailed(err)
		}
		return in, in.choose(split) == nil, nil // who opens it is told what is wrong with the split
	}
	if !info.Mode().IsRegular() {
		return found{}, false, nil
	}
	start, err := beginning(path)
	in := found{dir: filepath.Dir(path), names: []string{filepath.Base(path)}, file: true}
	return in, strings.HasPrefix(string(start), parquet.Magic), notFailed(err)
}

// lists returns the name of the first column of lists of numbers, "" if there is none.
func (t *table) lists() string {
	for _, c := range t.Columns {
		if c.Repeated() && c.Numeric() {
			return topName(c.Name)
		}
	}
	return ""
}

// topName is the name of a column as its writer gave it: "image" of image.list.element.list.element.
func topName(name string) string {
	for _, list := range []string{".list.", ".bag."} {
		name, _, _ = strings.Cut(name, list)
	}
	return name
}

// OpenNumbers reads the columns of a Parquet set that has numbers for images: those that want asks for by their names
// and how deep their lists are, 0 for a number and −1 for text. Options are those of [Open] that say which files are
// taken.
func OpenNumbers(ctx context.Context, path string, o OpenOptions, want func(name string, lists int) bool) (
	columns []Column, passed []PassedOver, err error) {
	o.notes = &notes{}
	in, ok, err := tablesAt(path, o.Split)
	if err != nil || !ok {
		return nil, nil, fmt.Errorf("%s: %w", path, errors.Join(errors.New("has no Parquet files"), err))
	}
	if err := errors.Join(in.checkShards(in.names, o), in.checkMixed(o)); err != nil {
		return nil, nil, err
	}
	if len(in.above) > 0 {
		o.notes.add(passedAbove, len(in.above), in.above[0])
	}
	pieces, err := newPieces(in.dir, in.names)
	if err != nil {
		return nil, nil, err
	}
	for i, p := range pieces {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		f, err := parquet.Open(p, p.size)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", p.path, foreignPart(p.path, err))
		}
		t := &table{piece: p, File: f}
		if i == 0 {
			columns = t.numbers(want)
		}
		for c := range columns {
			if err := t.read(&columns[c], i > 0); err != nil {
				return nil, nil, fmt.Errorf("%s: column %q: %w", p.path, columns[c].Name, err)
			}
		}
	}
	if o.Strict && len(o.notes.list) > 0 {
		return nil, nil, fmt.Errorf("%w: %s", ErrPassedOver, o.notes.list[0])
	}
	return columns, o.notes.list, nil
}

// numbers returns the columns of a table that are wanted, without their values.
func (t *table) numbers(want func(name string, lists int) bool) (columns []Column) {
	for _, c := range t.Columns {
		lists := -1
		switch {
		case c.Numeric():
			lists = c.Lists()
		case c.Type != parquet.ByteArray || c.Repeated():
			continue
		}
		if name := topName(c.Name); want(name, lists) {
			columns = append(columns, Column{Name: name})
		}
	}
	return columns
}

// read appends the values of a column; more tells that it has some already.
func (t *table) read(c *Column, more bool) error {
	at := slices.IndexFunc(t.Columns, func(in parquet.Column) bool { return topName(in.Name) == c.Name })
	if at < 0 {
		return errors.New("is not there, but in another file of the set")
	}
	t.label = at
	names, err := t.names(OpenOptions{})
	if t.Columns[at].Repeated() {
		names, err = namesOf(OpenOptions{}, filepath.Dir(t.path), "classes.txt", "classnames.txt")
	}
	if err != nil {
		return err
	}
	if more && !slices.Equal(names.names, c.Classes) {
		return fmt.Errorf("its names of classes are %s, and others in another file of the set", shorten(names.names))
	}
	c.Classes = names.names
	for g := range t.Groups {
		if t.Columns[at].Type == parquet.ByteArray {
			err = t.readTexts(c, g)
		} else {
			err = t.Numbers(g, at, func(shape []int, numbers []float64) error {
				if !more {
					c.Shape, more = slices.Clone(shape), true
				}
				if !slices.Equal(shape, c.Shape) {
					return fmt.Errorf("has lists of the lengths %v, rows before it %v: want one size", shape, c.Shape)
				}
				return c.add(numbers)
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *table) readTexts(c *Column, group int) error {
	pages, err := t.Pages(group, t.label)
	if err != nil {
		return err
	}
	for _, p := range pages {
		v, err := t.ReadPage(group, t.label, p)
		if err != nil {
			return err
		}
		for i, null := range v.Null {
			if null {
				return fmt.Errorf("row %d of group %d has no text", p.First+i, group)
			}
			c.Texts = append(c.Texts, strings.TrimSpace(string(v.Bytes[i])))
		}
	}
	return nil
}

// add appends the numbers of a row: as bytes as long as all are.
func (c *Column) add(numbers []float64) error {
	for _, v := range numbers {
		if c.Floats == nil && v >= 0 && v <= 255 && v == float64(uint8(v)) {
			c.Bytes = append(c.Bytes, uint8(v))
			continue
		}
		for _, b := range c.Bytes {
			c.Floats = append(c.Floats, float32(b))
		}
		c.Bytes, c.Floats = nil, append(c.Floats, float32(v))
	}
	if size := len(c.Bytes) + 4*len(c.Floats); size > mostNumbers {
		return fmt.Errorf("has more than %d bytes of numbers: write images as files into the table (the Image feature "+
			"of the library datasets does)", mostNumbers)
	}
	return nil
}
