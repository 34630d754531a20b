package dataset

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"mgd3/dataset/internal/parquet"
	"mgd3/internal/foreign"
	"mgd3/store"
)

// OpenOptions says which images of a set to take.
type OpenOptions struct {
	Split   string   // the part of the set, "train" say; "" if it has none
	Classes []string // classes to take, in this order; nil takes all, in byte order
	Names   []string // of the labels 0, 1, …, where the set's are numbers; nil takes those in the set
	Labels  string   // which of several labels: coarse of CIFAR-100, letters of EMNIST; "" takes the usual ones
	Limit   int      // images per class, the first by name; 0 takes all
	Strict  bool     // whatever is passed over is an error, see [PassedOver], and so is an image with a note, see [RGB]
	KeepIn  bool     // a link that leads out of the folder is an error; else such links are followed

	notes *notes
}

// Open lists the images of a set, whose layout it tells by what is there:
//
//	folder, zip, tar  files at SPLIT/CLASS/FILE or CLASS/FILE, perhaps all below one more folder
//	class tars        CLASS.tar with the files of one class, in a folder or in one tar, as ILSVRC2012_img_train.tar is
//	WebDataset        tars of KEY.jpg and KEY.cls or KEY.json; a tar, or a folder of them
//	Parquet           rows of an image and a label, as the Hugging Face hub has them; a file, or a folder of them
//	CIFAR             the binary version of CIFAR-10 or CIFAR-100, a folder
//	MNIST             idx3 and idx1 files, also compressed with gzip, a folder; EMNIST the same
//	STL-10, SVHN      the binary version, the MAT-files of the cropped digits, a folder
//	known sets        images with lists beside them, in a folder, a zip or a tar: Tiny-ImageNet, CUB-200-2011 and
//	                  others
//
// All are read in place; a compressed tar cannot be. docs/data.md says how splits and classes are named.
//
//   - A file is an image if its name ends like one in [imageExt]; its content decides what is
//     decoded. Other files are ignored, and so is whatever has a name or a folder that begins with
//     a dot or is __MACOSX.
//   - Images at another depth are ignored, as loose ones beside the folders of the classes are.
//   - A split or a class without a folder, a folder without an image in it, a path in an archive that is
//     absolute, leaves it or comes twice, and a link that leaves the folder or lies in an archive
//     are errors; so is an image without a label, or with one out of range.
//
// Errors wrap [ErrSet].
func Open(ctx context.Context, path string, o OpenOptions) (*Set, error) {
	o.notes = &notes{}
	src, dirs, err := openSource(ctx, path, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrSet, err)
	}
	s := &Set{path: path, src: src, strict: o.Strict, notes: &ImageNotes{}}
	if dirs, err = s.recognise(dirs, o); err == nil {
		err = s.checkOneKind(o)
	}
	if err == nil {
		err = s.arrange(ctx, dirs, o)
	}
	s.PassedOver = o.notes.list
	if err == nil && o.Strict && len(s.PassedOver) > 0 {
		err = fmt.Errorf("%w: %s", ErrPassedOver, s.PassedOver[0])
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w: %w", path, ErrSet, err), src.Close())
	}
	return s, nil
}

// checkOneKind says of layouts whose labels are the names of folders or those of samples that there is one kind of
// them.
func (s *Set) checkOneKind(o OpenOptions) error {
	switch s.src.(type) {
	case folder, zipFile, tarFiles:
		if !s.known {
			return checkLabels(o)
		}
	}
	return nil
}

// lister lists the folders of a source while it is opened.
type lister interface {
	// list returns what lies directly in the folder dir, in byte order, each name once.
	list(dir string) (listing, error)
}

type listing struct {
	folders []string
	images  []file
	linked  []string     // of the folders, those that are links
	others  []PassedOver // files that are no images; the examples are names
	lists   []file       // the first of these; of a folder on disk only their names

	dangling []error // what is wrong with links to nothing that are no images: perhaps folders
}

// other enters a file that is no image.
func (l *listing) other(what, name string) {
	for i := range l.others {
		if l.others[i].What == what {
			l.others[i].Count++
			return
		}
	}
	l.others = append(l.others, PassedOver{what, 1, name})
}

// list keeps a file that is no image: perhaps it says what the images are.
func (l *listing) list(f file) {
	const most = 256 // in one folder; sets with lists have a few there
	if len(l.lists) < most {
		l.lists = append(l.lists, f)
	}
}

// note notes the files of a folder that are no images.
func (l listing) note(n *notes, dir string) {
	for _, p := range l.others {
		n.add(p.What, p.Count, path.Join(dir, p.Example))
	}
}

// file is a file in a listing; the fields are those of [Ref].
type file struct {
	name string
	size int64
	id   string
	in   int
	at   int64
}

// openSource opens what path names, by its content.
func openSource(ctx context.Context, path string, o OpenOptions) (source, lister, error) {
	info, err := store.Stat(path)
	if err != nil {
		return nil, nil, notPath(path, err)
	}
	in := found{dir: filepath.Dir(path), names: []string{filepath.Base(path)}, file: true}
	if info.IsDir() {
		var ok bool
		if in, ok, err = findLayout(path, o.Split); err != nil {
			return nil, nil, err
		} else if !ok {
			return openFolder(path, o.KeepIn)
		}
		if len(in.above) > 0 {
			o.notes.add(passedAbove, len(in.above), in.above[0])
		}
		return in.layout.open(ctx, in, o)
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errors.New("is a pipe, a socket or a device, want a folder or a file")
	}
	start, err := beginning(path)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case bytes.HasPrefix(start, []byte("PK")):
		return openZip(path, info)
	case bytes.HasPrefix(start, []byte(parquet.Magic)):
		return openParquet(ctx, in, o)
	}
	if what := notSet(start, info.Size()); what != "" {
		return nil, nil, fmt.Errorf("it is %s", what)
	}
	return openTars(ctx, in, o)
}

// beginning returns the first bytes of a file.
func beginning(path string) ([]byte, error) {
	f, err := store.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, foreign.HeadSize)
	n, err := f.ReadAt(head, 0)
	if err == io.EOF {
		err = nil
	}
	return head[:n], err
}

// shorten joins the first few names, in quotes.
func shorten(names []string) string {
	const few = 5
	if len(names) == 0 {
		return "none"
	}
	var quoted []string
	for _, name := range names[:min(few, len(names))] {
		quoted = append(quoted, strconv.Quote(name))
	}
	if len(names) > few {
		quoted = append(quoted, "…")
	}
	return strings.Join(quoted, ", ")
}

// sort puts a listing in byte order. A name that comes twice is an error.
func (l *listing) sort() error {
	slices.Sort(l.folders)
	slices.SortFunc(l.images, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	for i := 1; i < len(l.images); i++ {
		if l.images[i].name == l.images[i-1].name {
			return fmt.Errorf("image %q comes twice", l.images[i].name)
		}
	}
	return nil
}

// imageExt are the endings of image files, in lower case: those of torchvision's ImageFolder, and
// .gif. Not all can be decoded; none is passed over in silence.
var imageExt = []string{".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".dib", ".ppm", ".pgm", ".pbm", ".pnm",
	".tif", ".tiff"}

func isImage(name string) bool {
	return slices.Contains(imageExt, strings.ToLower(path.Ext(name)))
}
