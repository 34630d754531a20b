package dataset

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"mgd3/dataset/internal/parquet"
	"mgd3/store"
)

// Column is a column of a Parquet set of which the images are lists of numbers, and no files. Numbers are decoded by
// row group; the groups that were read last are kept in memory, and others in a temporary file.
type Column struct {
	Name    string
	Shape   []int    // lengths of the lists of each row, from the outermost; none: a row is one number
	Rows    int      // of all files
	Whole   bool     // all numbers are whole and from 0 to 255
	Texts   []string // of each row, where it has text
	Classes []string // names of the numbers 0, 1, …; nil if the set has none

	groups []columnGroup

	mu   sync.Mutex
	kept []int // places in groups of those that are decoded, the last used last
	size int   // of them, in bytes, at most room, or one group
	room int
	disk spill // has those that are not kept, if there is room
}

// columnGroup is a column in a row group of a file.
type columnGroup struct {
	*table
	column, group int
	first         int // row
	numbers       *numbers
	spilled       *spilled
}

// numbers are those of all rows of a row group.
type numbers struct {
	bytes  []byte    // where they are whole and from 0 to 255 …
	floats []float32 // … and where not
}

// roomOfNumbers is up to how many bytes of a column are in memory. What is more is written to a file, since each class
// whose images lie in all groups is a pass over all; without room on that disk it is decoded anew for each pass.
const roomOfNumbers = 1 << 30

// mostNumbers bounds the memory of the numbers of a row group, in bytes.
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

// OpenNumbers opens the columns of a Parquet set that has numbers for images: those that want asks for by their names
// and how deep their lists are, 0 for a number and −1 for text. Options are those of [Open] that say which files are
// taken.
func OpenNumbers(ctx context.Context, path string, o OpenOptions, want func(name string, lists int) bool) (
	columns []*Column, passed []PassedOver, err error) {
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
			if err := t.read(columns[c], i > 0); err != nil {
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
func (t *table) numbers(want func(name string, lists int) bool) (columns []*Column) {
	for _, c := range t.Columns {
		lists := -1
		switch {
		case c.Numeric():
			lists = c.Lists()
		case c.Type != parquet.ByteArray || c.Repeated():
			continue
		}
		if name := topName(c.Name); want(name, lists) {
			columns = append(columns, &Column{Name: name, Whole: true, room: roomOfNumbers})
		}
	}
	return columns
}

// read adds the rows of a file to a column, all of which are decoded once; more tells that it is not the first file.
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
	for g, rows := range t.Groups {
		if t.Columns[at].Type == parquet.ByteArray {
			if err := t.readTexts(c, g); err != nil {
				return err
			}
			continue
		}
		c.groups = append(c.groups, columnGroup{table: t, column: at, group: g, first: c.Rows})
		n, err := c.decoded(len(c.groups) - 1)
		if err != nil {
			return err
		}
		c.Rows += rows
		c.Whole = c.Whole && n.floats == nil
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

// Read fills dst with numbers of a row, the first of which is so many numbers from the column's beginning on.
func (c *Column) Read(dst []float32, first int) error {
	each := c.Each()
	row := first / each
	at, found := slices.BinarySearchFunc(c.groups, row, func(g columnGroup, row int) int { return g.first - row })
	if !found {
		at--
	}
	for c.groups[at].Groups[c.groups[at].group] == 0 { // an empty group begins at the same row as the next
		at++
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	g := &c.groups[at]
	first -= g.first * each
	if g.numbers == nil && g.spilled != nil {
		if err := c.disk.read(dst, *g.spilled, first); err != nil {
			return fmt.Errorf("column %q in a temporary file: %w", c.Name, err)
		}
		return nil
	}
	n, err := c.decoded(at)
	if err != nil {
		return fmt.Errorf("%s: column %q: %w", g.path, c.Name, err)
	}
	if n.floats != nil {
		copy(dst, n.floats[first:first+len(dst)])
		return nil
	}
	for i, b := range n.bytes[first : first+len(dst)] {
		dst[i] = float32(b)
	}
	return nil
}

// Each is how many numbers a row has.
func (c *Column) Each() int {
	each := 1
	for _, n := range c.Shape {
		each *= n
	}
	return each
}

// decoded returns the numbers of a group, and lets those of others go that were not used for long.
func (c *Column) decoded(at int) (*numbers, error) {
	g := &c.groups[at]
	if i := slices.Index(c.kept, at); i >= 0 {
		c.kept = append(slices.Delete(c.kept, i, i+1), at)
		return g.numbers, nil
	}
	n := &numbers{}
	err := g.Numbers(g.group, g.column, func(shape []int, row []float64) error {
		if c.Rows == 0 && len(n.bytes)+len(n.floats) == 0 {
			c.Shape = slices.Clone(shape)
		}
		if !slices.Equal(shape, c.Shape) {
			return fmt.Errorf("has lists of the lengths %v, rows before it %v: want one size", shape, c.Shape)
		}
		return n.add(row)
	})
	if err != nil {
		return nil, err
	}
	g.numbers = n
	c.kept, c.size = append(c.kept, at), c.size+n.size()
	for c.size > c.room && len(c.kept) > 1 {
		old := &c.groups[c.kept[0]]
		c.size -= old.numbers.size()
		if old.spilled == nil {
			old.spilled, _ = c.disk.keep(old.numbers)
		}
		c.kept, old.numbers = c.kept[1:], nil
	}
	return n, nil
}

func (n *numbers) size() int { return len(n.bytes) + 4*len(n.floats) }

// add appends the numbers of a row: as bytes as long as all are.
func (n *numbers) add(row []float64) error {
	for _, v := range row {
		if n.floats == nil && v >= 0 && v <= 255 && v == float64(uint8(v)) {
			n.bytes = append(n.bytes, uint8(v))
			continue
		}
		for _, b := range n.bytes {
			n.floats = append(n.floats, float32(b))
		}
		n.bytes, n.floats = nil, append(n.floats, float32(v))
	}
	if n.size() > mostNumbers {
		return fmt.Errorf("has more than %d bytes of numbers in a row group: write smaller ones, or images as files "+
			"into the table (the Image feature of the library datasets does)", mostNumbers)
	}
	return nil
}
