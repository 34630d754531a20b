package dataset

import (
	"bytes"
	"cmp"
	"container/list"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"mgd3/dataset/internal/parquet"
)

// Sets of the Hugging Face hub are Parquet files, data/train-00000-of-00002.parquet say, of the columns
//
//	image   struct{bytes, path}, or the bytes alone; also img, and the endings of files that WebDatasets have
//	label   a number, or the name of the class; also labels, fine_label, cls, and label within json
//
// and the names of the numbers are in the file's metadata "huggingface", at info.features.LABEL.names. Opening reads
// the labels alone. Images come with their page, of which the last ones are kept: reading in the order of the rows
// decodes each page once, and reading one class of a shuffled set decodes about a page for each image.

// imageColumns and labelColumns are the names that are looked for, in this order: those of the hub, and those that a
// WebDataset has when it is written as Parquet, where each ending of its files is a column.
var (
	imageColumns = []string{"image_bytes", "img_bytes", "image", "img", "image_data", "jpg", "jpeg", "png", "webp",
		"gif", "bmp", "ppm", "tif", "tiff"}
	labelColumns = []string{"label", "labels", "fine_label", "cls", "class", "target", "json.label", "json.cls"}
)

// table is a Parquet file of images.
type table struct {
	piece
	*parquet.File
	image, label int   // columns
	first        []int // the first row of each group
}

// tables are Parquet files and the pages of images that were read last.
type tables struct {
	files []*table

	mu    sync.Mutex
	pages map[[2]int][]parquet.Page // of the images of (file, group)
	kept  map[pageID]*list.Element
	last  *list.List // of *keptPage, the last used first
	size  int        // of those that are decoded, in bytes
}

type pageID struct{ file, group, first int }

type keptPage struct {
	pageID
	once   sync.Once
	values parquet.Values
	err    error
	size   int // of values, once it counts
}

// maxKept is the memory up to which pages are kept, in bytes; the last is always.
const maxKept = 256 << 20

// openParquet reads the labels of all rows. An image is known again by the size and the time of its file, and its row.
func openParquet(ctx context.Context, in found, o OpenOptions) (source, lister, error) {
	if err := in.choose(o.Split); err != nil {
		return nil, nil, err
	}
	if err := in.checkShards(in.names, o); err != nil {
		return nil, nil, err
	}
	if err := in.checkMixed(o); err != nil {
		return nil, nil, err
	}
	pieces, err := newPieces(in.dir, in.names)
	if err != nil {
		return nil, nil, err
	}
	t := &tables{pages: map[[2]int][]parquet.Page{}, kept: map[pageID]*list.Element{}, last: list.New()}
	c := newCollector(o.Split)
	for i, p := range pieces {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		if err := t.add(c, i, p, o); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", p.path, foreignPart(p.path, err))
		}
	}
	if len(c.of) == 0 {
		return nil, nil, fmt.Errorf("no rows in %s", shorten(in.names))
	}
	return t, c.dirs, cmp.Or(t.checkImages(), c.checkOnly(o))
}

func (t *tables) add(c *collector, in int, p piece, o OpenOptions) error {
	f, err := openTable(p, o)
	if err != nil {
		return err
	}
	t.files = append(t.files, f)
	names, err := f.names(o)
	if err != nil {
		return err
	}
	id, row := p.id(), 0
	for g := range f.Groups {
		f.first = append(f.first, row)
		err := f.labels(g, names, func(class string) {
			c.add(class, file{name: fmt.Sprintf("%s-%06d", p.name(), row), id: id, in: in, at: int64(row)})
			row++
		})
		if err != nil {
			return fmt.Errorf("row %d: %w", row, err)
		}
	}
	return nil
}

// checkImages refuses tables whose first page of images has none: paths or addresses alone, say.
func (t *tables) checkImages() error {
	const maxPath = 4096
	in := slices.IndexFunc(t.files, func(f *table) bool {
		return slices.ContainsFunc(f.Groups,
			func(rows int) bool { return rows > 0 })
	})
	f := t.files[in]
	group := slices.IndexFunc(f.Groups, func(rows int) bool { return rows > 0 })
	p, err := t.pageOf(in, group, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	v, err := f.ReadPage(group, f.image, p) // and not kept: who reads the image later notices that the file has changed
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	name := f.Columns[f.image].Name
	if !slices.Contains(v.Null, false) {
		return fmt.Errorf("%s: the column %q has no bytes, perhaps only the paths of images: write the table anew "+
			"with the images in it", f.path, name)
	}
	first := string(v.Bytes[slices.Index(v.Null, false)])
	if len(first) < maxPath && utf8.ValidString(first) && (isImage(first) || strings.Contains(first, "://")) {
		return fmt.Errorf("%s: the column %q has paths or addresses such as %.60q, want the files of images", f.path,
			name, first)
	}
	return nil
}

func openTable(p piece, o OpenOptions) (*table, error) {
	f, err := parquet.Open(p, p.size)
	if err != nil {
		return nil, err
	}
	t := &table{piece: p, File: f}
	if t.image, err = t.one("image", "Image", imageColumns, o.notes); err != nil {
		if name := t.lists(); name != "" {
			return nil, fmt.Errorf("column %q holds lists of numbers, want the files of images", name)
		}
		return nil, err
	}
	if f.Columns[t.image].Type != parquet.ByteArray {
		return nil, fmt.Errorf("column %q holds %v, want BYTE_ARRAY: the files of images", f.Columns[t.image].Name,
			f.Columns[t.image].Type)
	}
	columns, feature := labelColumns, "ClassLabel"
	if o.Labels != "" {
		columns, feature = []string{o.Labels + "_label", o.Labels}, ""
	}
	if t.label, err = t.one("label", feature, columns, o.notes); err != nil {
		if list := t.listed(columns); list != nil {
			return nil, list
		}
		return nil, err
	}
	if c := f.Columns[t.label]; !slices.Contains([]parquet.Type{parquet.Boolean, parquet.Int32, parquet.Int64,
		parquet.ByteArray}, c.Type) {
		return nil, fmt.Errorf("column %q holds %v, want whole numbers, text or BOOLEAN", c.Name, c.Type)
	} else if c.Meaning != "" { // the numbers of such are no classes in an order
		return nil, fmt.Errorf("column %q holds a %s, want whole numbers, text or BOOLEAN", c.Name, c.Meaning)
	}
	return t, nil
}

// listed says that a column of the label holds a list, if one does.
func (t *table) listed(columns []string) error {
	for _, name := range columns {
		for _, c := range t.Columns {
			if (c.Name == name || strings.HasPrefix(c.Name, name+".")) && c.Repeated() {
				return listError(name)
			}
		}
	}
	return nil
}

var errList = errors.New("a list")

func listError(name string) error {
	return fmt.Errorf("column %q holds a list of labels for each image, want one label, which is its class", name)
}

// one returns the first of the columns that is there, or else the only one that is a feature of the hub's metadata.
// Others of these names are noted.
func (t *table) one(what, feature string, names []string, n *notes) (int, error) {
	at := -1
	for _, name := range names {
		switch i := t.named(name); {
		case i < 0:
		case at < 0:
			at = i
		default:
			n.add(passedColumns, 1, name)
		}
	}
	if at >= 0 {
		return at, nil
	}
	if called := t.features(feature); len(called) == 1 && t.named(called[0]) >= 0 {
		return t.named(called[0]), nil
	}
	var have []string
	for _, c := range t.Columns {
		have = append(have, c.Name)
	}
	return 0, fmt.Errorf("no column of the %s: want one of %s, have %s", what, shorten(names), shorten(have))
}

// named returns the column of a name, or of the bytes in a struct of that name, with one value for each row; -1 if
// there is none.
func (t *table) named(name string) int {
	for _, name := range []string{name + ".bytes", name} {
		if i := t.Column(name); i >= 0 && !t.Columns[i].Repeated() {
			return i
		}
	}
	return -1
}

// read returns the bytes of an image.
func (t *tables) read(_ string, ref Ref) ([]byte, error) {
	f := t.files[ref.in]
	group, exact := slices.BinarySearch(f.first, int(ref.at))
	if !exact {
		group--
	}
	for f.Groups[group] == 0 { // an empty group begins at the same row as the next
		group++
	}
	row := int(ref.at) - f.first[group]
	p, err := t.pageOf(ref.in, group, row)
	if err != nil {
		return nil, err
	}
	v, err := t.values(ref.in, group, p)
	if err != nil {
		return nil, err
	}
	switch i := row - p.First; {
	case v.Null[i]:
		return nil, fmt.Errorf("row %d has no bytes of an image", ref.at)
	case len(v.Bytes[i]) > maxFile:
		return nil, fmt.Errorf("row %d has %d bytes, want at most %d", ref.at, len(v.Bytes[i]), maxFile)
	default:
		return bytes.Clone(v.Bytes[i]), nil // the page must be free to go
	}
}

// pageOf returns the page of images that has a row of a group.
func (t *tables) pageOf(in, group, row int) (parquet.Page, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	pages, ok := t.pages[[2]int{in, group}]
	if !ok {
		var err error
		if pages, err = t.files[in].Pages(group, t.files[in].image); err != nil {
			return parquet.Page{}, err
		}
		t.pages[[2]int{in, group}] = pages
	}
	i, _ := slices.BinarySearchFunc(pages, row, func(p parquet.Page, row int) int {
		if p.First+p.Rows <= row {
			return -1
		}
		return p.First - min(p.First, row)
	})
	return pages[i], nil
}

// values returns those of a page. Whoever needs the same page at the same time waits for one decoder.
func (t *tables) values(in, group int, p parquet.Page) (parquet.Values, error) {
	id := pageID{in, group, p.First}
	t.mu.Lock()
	e, ok := t.kept[id]
	if ok {
		t.last.MoveToFront(e)
	} else {
		e = t.last.PushFront(&keptPage{pageID: id})
		t.kept[id] = e
	}
	t.mu.Unlock()
	k := e.Value.(*keptPage)
	k.once.Do(func() {
		k.values, k.err = t.files[in].ReadPage(group, t.files[in].image, p)
		t.account(k)
	})
	return k.values, k.err
}

// account adds a decoded page to those that are kept, and lets those go that were not used for long. A page that could
// not be read may be tried again.
func (t *tables) account(k *keptPage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.kept[k.pageID]
	if e == nil || e.Value != k { // was let go meanwhile
		return
	}
	if k.err != nil {
		t.drop(e)
		return
	}
	k.size = k.values.Size
	t.size += k.size
	for t.size > maxKept && t.last.Len() > 1 {
		t.drop(t.last.Back())
	}
}

func (t *tables) drop(e *list.Element) {
	k := t.last.Remove(e).(*keptPage)
	delete(t.kept, k.pageID)
	t.size -= k.size
}

func (*tables) Close() error { return nil }
