package dataset

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"mgd3/store"
)

// tarFiles are one or more tar archives whose members were found by a pass over their headers.
type tarFiles []piece

func (t tarFiles) read(_ string, ref Ref) ([]byte, error) { return t[ref.in].section(ref.at, ref.Size) }

func (tarFiles) Close() error { return nil }

// openTars opens tars as what is in them:
//
//	images in folders                    a set like a folder; of one tar
//	images with KEY.cls or KEY.json      WebDataset, see webdataset.go
//	tars of images                       ILSVRC2012_img_train.tar, a tar with one of each class; of one tar
//	images                               one tar of each class, and the class is the tar's name
//
// An image is known again by its size, its time and its place.
func openTars(ctx context.Context, in found, o OpenOptions) (source, lister, error) {
	chosen := in
	errSplit := chosen.choose(o.Split)
	if errSplit != nil && !in.file { // one tar may have the split inside
		return nil, nil, errSplit
	}
	pieces, err := newPieces(in.dir, chosen.names)
	if err != nil {
		return nil, nil, err
	}
	indices, err := scanTars(ctx, pieces)
	if err != nil {
		return nil, nil, err
	}
	for i, x := range indices {
		o.notes.add(passedTail, int(x.tail), filepath.Base(pieces[i].path))
	}
	first := indices[0]
	alone := len(indices) == 1
	labelled := slices.ContainsFunc(indices, (*tarIndex).labelled)
	if alone && !labelled && (len(first.tars) == 0 || first.nested()) && (in.file || !first.flat()) {
		in.noteBeside(o)
		dirs := first.withRest()
		// the tar is that of the split, by its name
		if _, err := findBase(dirs, o.Split); err != nil && errSplit == nil {
			dirs = dirs.below(o.Split)
		}
		return tarFiles(pieces), dirs, nil
	}
	if errSplit != nil {
		return nil, nil, errSplit
	}
	c := newCollector(o.Split)
	switch {
	case labelled:
		if err := in.checkShards(chosen.names, o); err != nil {
			return nil, nil, err
		}
		if err := chosen.checkMixed(o); err != nil {
			return nil, nil, err
		}
		err = collectSamples(ctx, c, in.dir, pieces, indices, o)
	case alone && len(first.tars) > 0:
		in.noteBeside(o)
		err = collectInner(ctx, c, pieces[0], first, o.notes)
	default:
		in.noteBeside(o)
		err = collectClassTars(c, pieces, indices, o.notes)
	}
	return tarFiles(pieces), c.dirs, err
}

// scanTars reads the headers of all tars, a few at a time: waiting for the disk is what takes long.
func scanTars(ctx context.Context, pieces []piece) ([]*tarIndex, error) {
	indices := make([]*tarIndex, len(pieces))
	err := eachOf(ctx, len(pieces), func(ctx context.Context, i int) error {
		f, err := pieces[i].open()
		if err != nil {
			return err
		}
		defer f.Close()
		if indices[i], err = scanTar(ctx, f, pieces[i].size); err != nil {
			return fmt.Errorf("%s: %w", pieces[i].path, foreignPart(pieces[i].path, err))
		}
		indices[i].date(pieces[i].id())
		return nil
	})
	return indices, err
}

// date makes the tar's own time that of the images that have none: writers may leave it out.
func (x *tarIndex) date(id string) {
	for _, l := range x.dirs {
		for i, f := range l.images {
			if strings.HasPrefix(f.id, "0@") {
				l.images[i].id = id + f.id[1:]
			}
		}
	}
}

// eachOf calls do for 0 to n-1, a few at a time. Of several errors the first counts, whichever comes sooner.
func eachOf(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	const few = 8
	var g errgroup.Group
	g.SetLimit(few)
	errs := make([]error, n)
	for i := range n {
		g.Go(func() error {
			errs[i] = do(ctx, i)
			return nil
		})
	}
	_ = g.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// tarIndex is what was found in a tar.
type tarIndex struct {
	dirs   tree     // the images
	labels []member // those with the ending of a label
	tars   []member // tars in the tar
	tail   int64    // bytes behind its end that are no tar
}

// member is a file in a tar that is no image.
type member struct {
	name     string // with folders
	size, at int64
}

// flat tells whether all images lie at the top.
func (x *tarIndex) flat() bool {
	return len(x.dirs) == 1 && len(x.dirs["."].images) > 0
}

// nested tells whether images lie in folders.
func (x *tarIndex) nested() bool {
	for dir, l := range x.dirs {
		if dir != "." && len(l.images) > 0 {
			return true
		}
	}
	return false
}

// withRest returns the folders with all members in them, where labels and tars are nothing but files that are no
// images.
func (x *tarIndex) withRest() tree {
	for _, m := range slices.Concat(x.labels, x.tars) {
		x.dirs.other(m.name, file{size: m.size, at: m.at})
	}
	return x.dirs
}

func scanTar(ctx context.Context, r io.ReaderAt, size int64) (*tarIndex, error) {
	pos := io.NewSectionReader(r, 0, size) // tar reads no further than the header, and seeks over data
	headers := tar.NewReader(pos)
	x := &tarIndex{dirs: tree{".": {}}}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		h, err := headers.Next()
		if err == io.EOF && size > 0 {
			if headers, err = nextTar(pos, x); err != nil {
				return nil, err
			}
			if headers == nil {
				return x, nil
			}
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("neither a folder, a zip nor Parquet, and no whole tar: %w", plainly(err))
		}
		at, err := pos.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		if err := x.add(h, at); err != nil {
			return nil, err
		}
	}
}

const tarBlock = 512

// nextTar returns a reader of the tar that follows the end of another, as those do that cat has joined; nil if
// nothing does. What is there and is no tar is counted.
func nextTar(pos *io.SectionReader, x *tarIndex) (*tar.Reader, error) {
	zeros := make([]byte, tarBlock)
	block := make([]byte, tarBlock)
	for {
		at, err := pos.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		n, err := io.ReadFull(pos, block)
		switch {
		case n == 0 && err == io.EOF:
			return nil, nil
		case err != nil && err != io.ErrUnexpectedEOF:
			return nil, err
		case bytes.Equal(block[:n], zeros[:n]):
			continue
		}
		if _, err := tar.NewReader(io.NewSectionReader(pos, at, pos.Size()-at)).Next(); store.Failed(err) {
			return nil, err
		} else if err != nil {
			x.tail = pos.Size() - at
			return nil, nil
		}
		if _, err := pos.Seek(at, io.SeekStart); err != nil {
			return nil, err
		}
		return tar.NewReader(pos), nil
	}
}

// add enters the member whose data begin at an offset.
func (x *tarIndex) add(h *tar.Header, at int64) error {
	name, err := memberPath(h.Name)
	if err != nil {
		return err
	}
	plain := h.Typeflag == tar.TypeReg && !sparse(h)
	switch {
	case name == "":
	case h.Typeflag == tar.TypeXGlobalHeader: // what git archive begins with
	case h.Typeflag == tar.TypeDir:
		x.dirs.folder(name)
	case isImage(name) && !plain:
		return fmt.Errorf("member %q is a link or sparse, want a plain file", name)
	case isImage(name):
		x.dirs.add(name, file{size: h.Size, id: fmt.Sprintf("%d@%d", h.ModTime.UnixNano(), at), at: at})
	case plain && (ending(name) == "cls" || ending(name) == "json"):
		x.labels = append(x.labels, member{name, h.Size, at})
	case plain && path.Ext(name) == ".tar":
		x.tars = append(x.tars, member{name, h.Size, at})
	case plain:
		x.dirs.other(name, file{size: h.Size, at: at})
	case h.Typeflag == tar.TypeLink || h.Typeflag == tar.TypeSymlink:
		x.dirs.folder(path.Dir(name)).other(passedLinks, path.Base(name))
	default:
		x.dirs.folder(path.Dir(name)).other(passedSpecial, path.Base(name))
	}
	return nil
}

// sparse tells whether a member leaves out runs of zeros, in one of the PAX ways; GNU's older
// way has a type of its own.
func sparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// collectInner enters the images of the tars in a tar, where they are.
func collectInner(ctx context.Context, c *collector, p piece, outer *tarIndex, n *notes) error {
	tars := outer.tars
	indices := make([]*tarIndex, len(tars))
	err := eachOf(ctx, len(tars), func(ctx context.Context, i int) error {
		f, err := p.open()
		if err != nil {
			return err
		}
		defer f.Close()
		if indices[i], err = scanTar(ctx, io.NewSectionReader(f, tars[i].at, tars[i].size), tars[i].size); err != nil {
			return fmt.Errorf("%q: %w", tars[i].name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, t := range tars {
		if err := collectClassTar(c, 0, path.Base(t.name), t.at, indices[i], n); err != nil {
			return err
		}
	}
	outer.tars = nil
	rest := outer.withRest()
	for _, dir := range slices.Sorted(maps.Keys(rest)) {
		l := rest[dir]
		l.note(n, dir)
		if len(l.images) > 0 {
			n.add(passedRest, len(l.images), path.Join(dir, l.images[0].name))
		}
	}
	return nil
}

func collectClassTars(c *collector, pieces []piece, indices []*tarIndex, n *notes) error {
	for i, x := range indices {
		if err := collectClassTar(c, i, path.Base(pieces[i].path), 0, x, n); err != nil {
			return err
		}
	}
	return nil
}

// numbered is the name of a shard, which is no class.
var numbered = regexp.MustCompile(`[-_.][0-9]+$`)

// collectClassTar enters the images of one class's tar, the file in, from offset at.
func collectClassTar(c *collector, in int, name string, at int64, x *tarIndex, n *notes) error {
	class := strings.TrimSuffix(name, ".tar")
	switch {
	case x.labelled() || numbered.MatchString(class):
		return fmt.Errorf("%q: want the images of one class, or KEY.cls or KEY.json beside each image in all the tars",
			name)
	case len(x.dirs) == 1 && len(x.dirs["."].images) == 0:
		return fmt.Errorf("%q: no images in it, want those of one class; %s", name, x.withRest()["."].instead())
	case !x.flat():
		return fmt.Errorf("%q: want images of one class, not in folders; a tar of folders is opened by its own path",
			name)
	case c.of[class] != nil:
		return fmt.Errorf("%q comes twice", name)
	}
	if err := CheckClassName(class); err != nil {
		return err
	}
	x.withRest()["."].note(n, name)
	for _, f := range x.dirs["."].images {
		f.in, f.at = in, f.at+at
		c.add(class, f)
	}
	return nil
}

// plainly says in words that a file ends too early.
func plainly(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("it ends in the middle of a member")
	}
	return err
}
