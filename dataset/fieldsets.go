package dataset

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"mgd3/store"
)

// fieldSet is a set that is known by files which only it has, as it is when it was downloaded and unpacked.
type fieldSet struct {
	name   string
	marks  string   // files or folders that are all there, between blanks
	labels []string // which of several labels there are, the usual one first; nil if one
	splits []fieldSplit
}

// fieldSplit is a part of such a set: its lists, or why it has none.
type fieldSplit struct {
	name    string // "" if the set has no splits
	entries func(s *shelf, o OpenOptions) ([]entry, error)
	refuse  string
}

// The layouts are those of the downloads, as their README files and torchvision's readers (0.21, BSD-3) describe them.
var fieldSets = []fieldSet{
	{name: "Tiny-ImageNet", marks: "wnids.txt train val/val_annotations.txt", splits: []fieldSplit{
		{name: "train", entries: inFolders("train", "images")},
		{name: "val", entries: tinyVal},
		{name: "test", refuse: noLabels},
	}},
	{name: "ImageNet as Kaggle has it", marks: "LOC_val_solution.csv ILSVRC/Data/CLS-LOC", splits: []fieldSplit{
		{name: "train", entries: inFolders(kaggle+"/train", "")},
		{name: "val", entries: kaggleVal},
		{name: "test", refuse: noLabels},
	}},
	{name: "ImageNet with its devkit", marks: devkit + "/ILSVRC2012_validation_ground_truth.txt", splits: []fieldSplit{
		{name: "train", entries: inFolders("train", "")},
		{name: "val", entries: devkitVal},
	}},
	{name: "ImageNet with Caffe's lists", marks: "synsets.txt val.txt val", splits: []fieldSplit{
		{name: "train", entries: inFolders("train", "")},
		{name: "val", entries: caffeVal},
	}},
	{name: "CUB-200-2011", marks: "images.txt image_class_labels.txt train_test_split.txt classes.txt",
		splits: []fieldSplit{
			{name: "train", entries: cub("1")},
			{name: "test", entries: cub("0")},
		}},
	{name: "Food-101", marks: "images meta/train.txt meta/test.txt", splits: []fieldSplit{
		{name: "train", entries: classAndFile("meta/train.txt", ".jpg")},
		{name: "test", entries: classAndFile("meta/test.txt", ".jpg")},
	}},
	{name: "DTD", marks: "images labels/train1.txt", splits: dtdSplits()},
	{name: "Oxford-IIIT Pets", marks: "images annotations/trainval.txt annotations/test.txt", splits: []fieldSplit{
		{name: "trainval", entries: pets("annotations/trainval.txt")},
		{name: "test", entries: pets("annotations/test.txt")},
	}},
	{name: "FGVC-Aircraft", marks: "data/images data/images_variant_test.txt",
		labels: []string{"variant", "family", "manufacturer"}, splits: []fieldSplit{
			{name: "train", entries: aircraft("train")},
			{name: "val", entries: aircraft("val")},
			{name: "trainval", entries: aircraft("trainval")},
			{name: "test", entries: aircraft("test")},
		}},
	{name: "Oxford Flowers-102", marks: "jpg imagelabels.mat setid.mat", splits: []fieldSplit{
		{name: "train", entries: flowers("trnid")},
		{name: "val", entries: flowers("valid")},
		{name: "test", entries: flowers("tstid")},
	}},
	{name: "Stanford Cars", marks: "cars_train devkit/cars_train_annos.mat devkit/cars_meta.mat", splits: []fieldSplit{
		{name: "train", entries: cars("cars_train", "devkit/cars_train_annos.mat")},
		{name: "test", entries: cars("cars_test", "cars_test_annos_withlabels.mat",
			"devkit/cars_test_annos_withlabels.mat")},
	}},
	{name: "Stanford Dogs", marks: "Images train_list.mat test_list.mat", splits: []fieldSplit{
		{name: "train", entries: dogs("train_list.mat")},
		{name: "test", entries: dogs("test_list.mat")},
	}},
	{name: "SUN397", marks: "ClassName.txt a", splits: []fieldSplit{{entries: sun397}}},
	{name: "Places365", marks: "categories_places365.txt", splits: []fieldSplit{
		{name: "train", entries: placesTrain},
		{name: "val", entries: placesVal},
	}},
	{name: "Caltech-101", marks: "101_ObjectCategories", splits: []fieldSplit{
		{entries: inFolders("101_ObjectCategories", "")},
	}},
	{name: "Caltech-256", marks: "256_ObjectCategories", splits: []fieldSplit{
		{entries: inFolders("256_ObjectCategories", "")},
	}},
}

const (
	noLabels = "comes without labels, so that it is no set of classes"
	kaggle   = "ILSVRC/Data/CLS-LOC"
	devkit   = "ILSVRC2012_devkit_t12/data"
)

// recognise looks for one of the known sets at the top of a source, or below lone folders there. It
// then returns what the set's lists say; else dirs as they are.
func (s *Set) recognise(dirs lister, o OpenOptions) (lister, error) {
	const deep = 4
	base := "."
	for range deep {
		shelf := newShelf(s.src, dirs, base)
		for _, f := range fieldSets {
			if !slices.ContainsFunc(strings.Fields(f.marks), func(mark string) bool { return !shelf.has(mark) }) {
				s.known = true
				t, err := s.take(f, shelf, o)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", f.name, err)
				}
				return t, nil
			}
		}
		top := shelf.list(".")
		if store.Failed(shelf.err) {
			return nil, shelf.err // perhaps it is one of them
		}
		if len(top.folders) != 1 || len(top.images) > 0 {
			break
		}
		base = path.Join(base, top.folders[0])
	}
	return dirs, nil
}

// take enters the images of one split.
func (s *Set) take(f fieldSet, shelf *shelf, o OpenOptions) (tree, error) {
	var names []string
	at := -1
	for i, split := range f.splits {
		names = append(names, split.name)
		if split.name == o.Split {
			at = i
		}
	}
	switch {
	case at < 0 && names[0] == "":
		return nil, fmt.Errorf("has no splits, so no %q", o.Split)
	case at < 0 && o.Split == "":
		return nil, fmt.Errorf("has the splits %s, want one to be asked for", shorten(names))
	case at < 0:
		return nil, fmt.Errorf("no split %q, have %s", o.Split, shorten(names))
	case f.splits[at].refuse != "":
		return nil, fmt.Errorf("split %q %s", o.Split, f.splits[at].refuse)
	}
	if err := checkLabels(o, f.labels...); err != nil {
		return nil, err
	}
	entries, err := f.splits[at].entries(shelf, o)
	if err = cmp.Or(shelf.err, err); err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("no images of split %q", o.Split)
	}
	src, dirs, err := shelf.refile(o.Split, entries, o.notes)
	if err = cmp.Or(shelf.err, err); err != nil {
		return nil, err
	}
	s.src = src
	unlisted := shelf.unlisted(entries, func() (others []entry) {
		for i, split := range f.splits {
			if i != at && split.entries != nil {
				more, err := split.entries(shelf, o) // a damaged list names no images
				if others = append(others, more...); store.Failed(err) {
					shelf.err = cmp.Or(shelf.err, err)
				}
			}
		}
		return others
	})
	if len(unlisted) > 0 {
		o.notes.add(passedList, len(unlisted), path.Join(shelf.base, unlisted[0]))
	}
	err = shelf.note(entries, o.notes)
	return dirs, cmp.Or(shelf.err, err)
}

// checkLabels says whether a set has the labels that were asked for; none of a choice is the first.
func checkLabels(o OpenOptions, have ...string) error {
	switch {
	case o.Labels == "" || slices.Contains(have, o.Labels):
		return nil
	case have == nil:
		return fmt.Errorf("%w, so no %q", ErrOneKind, o.Labels)
	}
	return fmt.Errorf("no labels %q, have %s", o.Labels, shorten(have))
}

// inFolders is a split whose classes are the folders of one.
func inFolders(dir, inner string) func(*shelf, OpenOptions) ([]entry, error) {
	return func(s *shelf, _ OpenOptions) ([]entry, error) {
		if !s.has(dir) {
			return nil, fmt.Errorf("no folder %q", dir)
		}
		return s.byFolders(dir, inner)
	}
}

// tinyVal: "val_0.JPEG	n03444034	0	32	44	62".
func tinyVal(s *shelf, _ OpenOptions) ([]entry, error) {
	if !s.flatVal("val/images") { // a script has moved them into val/CLASS or val/CLASS/images
		return s.byFolders("val", "", "images")
	}
	return s.byLines("val/val_annotations.txt", "", 2, func(w []string) (entry, error) {
		return entry{"val/images/" + w[0], w[1]}, nil
	})
}

// classAndFile: "apple_pie/1005649" of images/apple_pie/1005649.jpg.
func classAndFile(list, ending string) func(*shelf, OpenOptions) ([]entry, error) {
	return func(s *shelf, _ OpenOptions) ([]entry, error) {
		return s.byLines(list, "\n", 1, func(w []string) (entry, error) {
			return classFolder("images", w[0]+ending)
		})
	}
}

// classFolder is the entry of an image at CLASS/FILE in a folder.
func classFolder(dir, name string) (entry, error) {
	class, _, found := strings.Cut(name, "/")
	if !found {
		return entry{}, fmt.Errorf("%q, want CLASS/FILE", name)
	}
	return entry{dir + "/" + name, class}, nil
}

// dtdSplits are train, val and test of the first of ten partitions, which papers mostly take, and of the others by
// their number.
func dtdSplits() (splits []fieldSplit) {
	for _, split := range []string{"train", "val", "test"} {
		splits = append(splits, fieldSplit{name: split, entries: classAndFile("labels/"+split+"1.txt", "")})
	}
	for n := 1; n <= 10; n++ {
		for _, split := range []string{"train", "val", "test"} {
			name := split + strconv.Itoa(n)
			splits = append(splits, fieldSplit{name: name, entries: classAndFile("labels/"+name+".txt", "")})
		}
	}
	return splits
}

// pets: "Abyssinian_100 1 1 1" of images/Abyssinian_100.jpg; the class is the name without the number.
func pets(list string) func(*shelf, OpenOptions) ([]entry, error) {
	return func(s *shelf, _ OpenOptions) ([]entry, error) {
		return s.byLines(list, "", 2, func(w []string) (entry, error) {
			i := strings.LastIndexByte(w[0], '_')
			if i < 1 {
				return entry{}, fmt.Errorf("%q, want CLASS_NUMBER", w[0])
			}
			return entry{"images/" + w[0] + ".jpg", w[0][:i]}, nil
		})
	}
}

// aircraft: "1025794 707-320" of data/images/1025794.jpg; a slash in a class's name, as in F/A-18, becomes _.
func aircraft(split string) func(*shelf, OpenOptions) ([]entry, error) {
	return func(s *shelf, o OpenOptions) ([]entry, error) {
		labels := o.Labels
		if labels == "" {
			labels = "variant"
		}
		return s.byLines("data/images_"+labels+"_"+split+".txt", " ", 2, func(w []string) (entry, error) {
			return entry{"data/images/" + w[0] + ".jpg", strings.Join(w[1:], " ")}, nil
		})
	}
}

// cub joins four lists by the numbers that their lines begin with; the last says 1 of images to train on.
func cub(train string) func(*shelf, OpenOptions) ([]entry, error) {
	return func(s *shelf, _ OpenOptions) ([]entry, error) {
		lists := map[string]map[string]string{}
		for _, name := range []string{"classes.txt", "image_class_labels.txt", "train_test_split.txt"} {
			list := map[string]string{}
			if err := s.lines(name, " ", func(w []string) error {
				if len(w) != 2 {
					return fmt.Errorf("has %d words, want 2", len(w))
				}
				list[w[0]] = w[1]
				return nil
			}); err != nil {
				return nil, err
			}
			lists[name] = list
		}
		var entries []entry
		err := s.lines("images.txt", " ", func(w []string) error {
			if len(w) != 2 {
				return fmt.Errorf("has %d words, want 2", len(w))
			}
			class := lists["classes.txt"][lists["image_class_labels.txt"][w[0]]]
			in := lists["train_test_split.txt"][w[0]]
			if class == "" || in == "" {
				return fmt.Errorf("image %s is not in all of the lists", w[0])
			}
			if in == train {
				entries = append(entries, entry{"images/" + w[1], class})
			}
			return nil
		})
		return entries, err
	}
}

// sun397: ClassName.txt has "/a/apartment_building/outdoor", which is the folder; a slash in the class becomes _.
func sun397(s *shelf, _ OpenOptions) ([]entry, error) {
	var entries []entry
	err := s.lines("ClassName.txt", "", func(w []string) error {
		dir, class, err := scene(w[0])
		if err != nil {
			return err
		}
		more := s.allIn(dir, class)
		if len(more) == 0 {
			return fmt.Errorf("no images in the folder %q", dir)
		}
		entries = append(entries, more...)
		return nil
	})
	return entries, err
}

// scene parts the name of a scene, "/a/airport_terminal", into its folder and its class.
func scene(name string) (dir, class string, err error) {
	dir = strings.TrimPrefix(name, "/")
	_, class, found := strings.Cut(dir, "/")
	if !found {
		return "", "", fmt.Errorf("%q, want /LETTER/SCENE", name)
	}
	return dir, class, nil
}
