package dataset

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

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
		return noClasses(base, top)
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
	if o.Classes == nil && len(top.folders) == 1 {
		return top.checkOnly()
	}
	return nil
}

// classes returns the names of the classes to take, all by default.
func (l listing) classes(o OpenOptions) ([]string, error) {
	if o.Classes == nil {
		if len(l.folders) == 1 { // what is in it tells more, see arrange
			return l.folders, CheckClassNames(l.folders)
		}
		return l.folders, errors.Join(l.checkOnly(), CheckClassNames(l.folders))
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
	return names, CheckClassNames(names)
}

// parts are names of the parts of a set, and holders of folders that hold the images of a whole set: in lower case,
// no classes.
var (
	parts   = append([]string{"training", "testing", "trainset", "testset"}, splitWords...)
	holders = []string{"images", "image", "imgs", "img", "pictures", "photos", "jpegimages", "jpg", "jpeg", "png",
		"data", "all", "raw"}
)

// checkOnly refuses folders that are parts of a set, and a lone one that would be the only class and is not called
// like one. Several folders of images called jpg and png are classes: somebody tells the formats apart.
func (l listing) checkOnly() error {
	lone := len(l.folders) == 1
	for _, name := range l.folders {
		name = strings.ToLower(name)
		if !slices.Contains(parts, name) && !(lone && slices.Contains(holders, name)) {
			return nil
		}
	}
	if lone {
		return fmt.Errorf("%q would be the only class, and is not the name of one: want a folder for each class; "+
			"--classes with a list of that name alone takes it",
			l.folders[0])
	}
	return fmt.Errorf("the folders are %s, and not those of classes: want a folder for each class, and the name of a "+
		"part by --split", shorten(l.folders))
}

// clutter are the classes of Caltech-101 and Caltech-256 that are of no one thing.
var clutter = []string{"BACKGROUND_Google", "257.clutter"}

// noClass says that one is not there.
func (s *Set) noClass(name string, folders []string) error {
	err := fmt.Errorf("class %q is not in the set, which has %s", name, shorten(folders))
	if Numbered(folders) {
		return fmt.Errorf("%w: %w", err, ErrNumbered)
	}
	return err
}

// noClasses says what a folder without folders lacks.
func noClasses(base string, top listing) error {
	images := top.images
	if len(images) == 0 {
		return fmt.Errorf("%sno folders in it, want one for each class; %s", folderWords(base), top.instead())
	}
	if strings.HasPrefix(images[0].name, "ILSVRC2012_val_") {
		return fmt.Errorf("%sno folders in it: %q and so on are the validation images of ImageNet, which come "+
			"without labels; "+
			"docs/data.md says which list beside them has these, or move each into the folder of its class "+
			"(valprep.sh, which is widely copied, does it)", folderWords(base), images[0].name)
	}
	return fmt.Errorf("%sno folders in it, want one for each class: %q has no label", folderWords(base), images[0].name)
}

// folderWords names a folder within a set, before what is said of it.
func folderWords(base string) string {
	if base == "." {
		return ""
	}
	return fmt.Sprintf("folder %q: ", base)
}

// seen returns the names of what there is besides images.
func (l listing) seen() []string {
	names := slices.Clone(l.folders)
	for _, f := range l.lists {
		names = append(names, f.name)
	}
	return names
}

// instead says what there is where images are wanted.
func (l listing) instead() string {
	seen := l.seen()
	if len(seen) == 0 {
		return "it has nothing in it, or hidden files only"
	}
	return "there are " + shorten(seen) + l.unread()
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
			return "", fmt.Errorf("no folder %q, have %s%s", split, shorten(here.seen()),
				cmp.Or(here.unread(), inner.unread()))
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
			return Class{}, fmt.Errorf("no images in %q but the folders %s, want images at CLASS/FILE", dir,
				shorten(l.folders))
		}
		return Class{}, fmt.Errorf("no images in %q, want at least one; %s", dir, l.instead())
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
