package dataset

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"mgd3/dataset/internal/parquet"
	"mgd3/internal/foreign"
)

// OpenOptions says which images of a set to take.
type OpenOptions struct {
	Split   string   // the part of the set, "train" say; "" if it has none
	Classes []string // classes to take, in this order; nil takes all, in byte order
	Names   []string // of the labels 0, 1, …, where the set's are numbers; nil takes those in the set
	Labels  string   // which of several labels: coarse of CIFAR-100, letters of EMNIST; "" takes the usual ones
	Limit   int      // images per class, the first by name; 0 takes all
	Strict  bool     // whatever is passed over is an error, see [PassedOver]
	KeepIn  bool     // a link that leads out of the folder is an error; else such links are followed

	notes *notes
}

// Open lists the images of a set, whose layout it tells by what is there:
//
//	folder, zip, tar     files at SPLIT/CLASS/FILE or CLASS/FILE, perhaps all below one more folder
//	class tars           CLASS.tar with the files of one class, in a folder or in one tar, as ILSVRC2012_img_train.tar is
//	WebDataset           tars of KEY.jpg and KEY.cls or KEY.json; a tar, or a folder of them
//	Parquet              rows of an image and a label, as the Hugging Face hub has them; a file, or a folder of them
//	CIFAR                the binary version of CIFAR-10 or CIFAR-100, a folder
//	MNIST                idx3 and idx1 files, also compressed with gzip, a folder
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
	s := &Set{path: path, src: src}
	if dirs, err = s.recognise(dirs, o); err == nil {
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
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	in := found{dir: filepath.Dir(path), names: []string{filepath.Base(path)}, file: true}
	if info.IsDir() {
		var ok bool
		if in, ok, err = findLayout(path, o.Split); err != nil {
			return nil, nil, err
		} else if !ok {
			return openFolder(path, o.KeepIn)
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
	if what := foreign.Describe([]byte(start), info.Size()); what != "" {
		return nil, nil, fmt.Errorf("it is not the set but %s", what)
	}
	for magic, name := range compressions {
		if strings.HasPrefix(start, magic) {
			return nil, nil, fmt.Errorf("compressed with %s, which cannot be read in place: unpack it, and give the folder", name)
		}
	}
	switch {
	case strings.HasPrefix(start, "PK"):
		return openZip(path, info.Size())
	case strings.HasPrefix(start, parquet.Magic):
		return openParquet(ctx, in, o)
	}
	return openTars(ctx, in, o)
}

// compressions are the beginnings of compressed files, which have no random access.
var compressions = map[string]string{"\x1f\x8b": "gzip", "BZh": "bzip2", "\xfd7zXZ": "xz", "\x28\xb5\x2f\xfd": "zstd"}

// beginning returns the first bytes of a file.
func beginning(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	head := make([]byte, foreign.HeadSize)
	n, err := f.ReadAt(head, 0)
	if err == io.EOF {
		err = nil
	}
	return string(head[:n]), err
}

// arrange finds the classes and their images.
func (s *Set) arrange(ctx context.Context, dirs lister, o OpenOptions) error {
	base, err := findBase(dirs, o.Split)
	if err != nil {
		return err
	}
	s.base = base
	top, err := dirs.list(base)
	if err != nil {
		return err
	}
	if len(top.dangling) > 0 { // perhaps the folder of a class
		return top.dangling[0]
	}
	if len(top.folders) == 0 {
		return noClasses(base, top.images)
	}
	if top.folders, err = s.nameFolders(top.folders, o); err != nil {
		return err
	}
	names, err := top.classes(o)
	if err != nil {
		return err
	}
	if len(top.images) > 0 {
		o.notes.add(passedLoose, len(top.images), path.Join(base, top.images[0].name))
	}
	top.note(o.notes, base)
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, found := slices.BinarySearch(top.folders, name); !found {
			return s.noClass(name, top.folders)
		}
		if slices.Contains(clutter, name) {
			o.notes.add(takenClutter, 1, name)
		}
		class, err := readClass(dirs, path.Join(base, s.folder(name)), name, o)
		if err != nil {
			return fmt.Errorf("class %q: %w", name, err)
		}
		s.Classes = append(s.Classes, class)
	}
	return nil
}

// classes returns the names of the classes to take, all by default.
func (l listing) classes(o OpenOptions) ([]string, error) {
	if o.Classes == nil {
		return l.folders, errors.Join(l.checkOnly(), checkClassNames(l.folders))
	}
	var names, first, whole []string
	for _, line := range o.Classes {
		_, found := slices.BinarySearch(l.folders, line)
		if words := strings.Fields(line); !found && len(words) > 1 {
			names, first = append(names, words[0]), append(first, line)
		} else {
			if names = append(names, line); len(words) > 1 {
				whole = append(whole, line)
			}
		}
	}
	if len(whole) > 0 && len(first) > 0 {
		o.notes.add(passedFirst, len(first), first[0])
	}
	return names, checkClassNames(names)
}

// notClasses are names of folders that hold the images of a whole set, in lower case, and no class.
var notClasses = append([]string{"images", "image", "imgs", "img", "pictures", "photos", "jpegimages", "jpg", "jpeg", "png", "data", "all", "raw",
	"training", "testing", "trainset", "testset"}, splitWords...)

// checkOnly refuses folders that are parts of a set, not classes.
func (l listing) checkOnly() error {
	for _, name := range l.folders {
		if !slices.Contains(notClasses, strings.ToLower(name)) {
			return nil
		}
	}
	if len(l.folders) == 1 {
		return fmt.Errorf("%q would be the only class, and is not the name of one: want a folder for each class; --classes with a list of that name alone takes it",
			l.folders[0])
	}
	return fmt.Errorf("the folders are %s, and not those of classes: want a folder for each class, and the name of a part by --split", shorten(l.folders))
}

// clutter are the classes of Caltech-101 and Caltech-256 that are of no one thing.
var clutter = []string{"BACKGROUND_Google", "257.clutter"}

// noClass says that one is not there.
func (s *Set) noClass(name string, folders []string) error {
	err := fmt.Errorf("class %q: no folder %q", name, path.Join(s.base, name))
	if Numbered(folders) {
		return fmt.Errorf("%w; %w: %s", err, ErrNumbered, shorten(folders))
	}
	return err
}

// noClasses says what a folder without folders lacks.
func noClasses(base string, images []file) error {
	if len(images) == 0 {
		return fmt.Errorf("folder %q: no folders in it, want one for each class", base)
	}
	if strings.HasPrefix(images[0].name, "ILSVRC2012_val_") {
		return fmt.Errorf("folder %q: no folders in it: %q and so on are the validation images of ImageNet, which come without labels; "+
			"unpack them, and move each into the folder of its class (valprep.sh, which is widely copied, does it)", base, images[0].name)
	}
	return fmt.Errorf("folder %q: no folders in it, want one for each class: %q has no label", base, images[0].name)
}

// findBase returns the folder that holds those of the classes: the split, at the top or below a
// lone folder. Without a split it is the top, or the last of the lone folders there.
func findBase(dirs lister, split string) (string, error) {
	for base := "."; ; {
		here, err := dirs.list(base)
		if err != nil {
			return "", err
		}
		if slices.Contains(here.folders, split) {
			return path.Join(base, split), nil
		}
		below := path.Join(base, here.only())
		inner, err := dirs.list(below)
		switch {
		case err != nil:
			return "", err
		case below != base && inner.onlyFolders():
			base = below
		case split != "":
			return "", fmt.Errorf("no folder %q, have %s", split, shorten(here.folders))
		default:
			return base, nil
		}
	}
}

// only returns the name of a lone folder, or "".
func (l listing) only() string {
	if len(l.folders) == 1 && l.onlyFolders() {
		return l.folders[0]
	}
	return ""
}

// onlyFolders tells whether there are folders and no images: the folder of a class has images.
func (l listing) onlyFolders() bool { return len(l.folders) > 0 && len(l.images) == 0 }

// readClass lists the images of the class in dir, as many as are asked for.
func readClass(dirs lister, dir, name string, o OpenOptions) (Class, error) {
	l, err := dirs.list(dir)
	if err != nil {
		return Class{}, err
	}
	if len(l.images) == 0 {
		if len(l.folders) > 0 {
			return Class{}, fmt.Errorf("no images in %q but the folders %s, want images at CLASS/FILE", dir, shorten(l.folders))
		}
		return Class{}, fmt.Errorf("no images in %q, want at least one", dir)
	}
	l.note(o.notes, dir)
	if err := noteNested(dirs, dir, l, o.notes); err != nil {
		return Class{}, err
	}
	if o.Limit > 0 {
		l.images = l.images[:min(o.Limit, len(l.images))]
	}
	class := Class{Name: name, Images: make([]Ref, len(l.images))}
	for i, f := range l.images {
		if err := checkName(f.name); err != nil {
			return Class{}, err
		}
		class.Images[i] = Ref{Class: name, Name: f.name, Size: f.size, ID: f.id, in: f.in, at: f.at}
	}
	return class, nil
}

// noteNested notes the images in the folders within that of a class. It does not go through links, which may lead back.
func noteNested(dirs lister, dir string, l listing, n *notes) error {
	if strings.Count(dir, "/") > maxDepth {
		return fmt.Errorf("folder %.100q…: lies below more than %d others", dir, maxDepth)
	}
	for _, name := range l.folders {
		if slices.Contains(l.linked, name) {
			n.add(passedNested, 1, path.Join(dir, name))
			continue
		}
		below := path.Join(dir, name)
		inner, err := dirs.list(below)
		if err != nil {
			return err
		}
		if len(inner.images) > 0 {
			n.add(passedNested, len(inner.images), path.Join(below, inner.images[0].name))
		}
		if err := noteNested(dirs, below, inner, n); err != nil {
			return err
		}
	}
	return nil
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
var imageExt = []string{".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".ppm", ".pgm", ".tif", ".tiff"}

func isImage(name string) bool {
	return slices.Contains(imageExt, strings.ToLower(path.Ext(name)))
}
