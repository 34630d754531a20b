package tensorset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mgd3/dataset"
	"mgd3/store"
	"mgd3/weights"
)

// found is the tensors of a set.
type found struct {
	images, labels weights.Tensor
	noLabels       bool // images [K, n, …] say them by their place
	across         bool // … or [n, K, …]
	rate           float64
	names          []string                   // of the labels 0, 1, …, which the set has itself; nil if it has none
	byName         bool                       // the labels are names, and no other names can be meant
	namesOf        map[string][]string        // of the columns of a table; nil of tensors
	columns        map[string]*dataset.Column // of a table, those that are read row by row
	notes          []string
	left           []string // those notes that say what is passed over
	closers        []func() error
}

func (f *found) close() error {
	var err error
	for _, c := range f.closers {
		err = errors.Join(err, c())
	}
	return err
}

func (f *found) note(format string, args ...any) {
	f.notes = append(f.notes, fmt.Sprintf(format, args...))
}

// leave notes what is passed over.
func (f *found) leave(format string, args ...any) {
	f.note(format, args...)
	f.left = append(f.left, f.notes[len(f.notes)-1])
}

// classes returns the number of classes that the labels' shape says, 0 if it does not.
func (f *found) classes() int {
	switch {
	case f.noLabels && f.across:
		return f.images.Shape[1]
	case f.noLabels:
		return f.images.Shape[0]
	case len(f.labels.Shape) == 2 && f.labels.Shape[1] > 1:
		return f.labels.Shape[1]
	}
	return 0
}

// folderImages are the names of the images in a folder, without their endings; the best of a training comes first.
var folderImages = []string{"images_best", "data_best", "images", "images_zca_unscaled", "data", "x", "syn_images",
	"syn_data"}

// Endings are those of files of tensors.
var Endings = []string{".pt", ".pth", ".npy", ".npz", ".safetensors"}

// inFolder returns the file of images in a folder.
func inFolder(dir string) (string, error) {
	entries, err := store.ReadDir(dir)
	if err != nil {
		return "", err
	}
	has := func(name string) bool {
		return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name })
	}
	for _, name := range folderImages {
		for _, ending := range Endings {
			if !has(name + ending) {
				continue
			}
			path := filepath.Join(dir, name+ending)
			info, err := store.Stat(path)
			if store.Failed(err) {
				return "", err
			}
			if err == nil && info.Mode().IsRegular() {
				return path, nil
			}
		}
	}
	// images_5000.pt of a training that was saved on its way
	// only as the last resort, and only a single one: which of several iterations is meant, nobody else can know
	var numbered []string
	for _, e := range entries {
		if savedOnItsWay.MatchString(e.Name()) {
			numbered = append(numbered, e.Name())
		}
	}
	switch len(numbered) {
	case 0:
		return "", fmt.Errorf("has no %q and the like", folderImages[0]+Endings[0])
	case 1:
		return filepath.Join(dir, numbered[0]), nil
	}
	return "", fmt.Errorf("has %q and others: give one of these files", numbered[0])
}

var savedOnItsWay = regexp.MustCompile(`^(images|data)_.*\.pt$`)

// find finds the tensors that a path names: FILE, FILE#2 for the second of several sets in it, or a folder.
func find(ctx context.Context, path string, o Options) (_ *found, err error) {
	path, number, err := splitNumber(path)
	if err != nil {
		return nil, err
	}
	info, err := store.Stat(path)
	if err != nil {
		return nil, err
	}
	f := &found{}
	table, err := isTable(path, info, o.Split)
	if err != nil {
		return nil, err
	}
	if info.IsDir() && !table {
		if err := f.namesBeside(path); err != nil {
			return nil, err
		}
		if path, err = inFolder(path); err != nil {
			return nil, err
		}
	}
	defer func() {
		if err != nil {
			_ = f.close()
		}
	}()
	var value any
	if table {
		value, err = f.readTable(ctx, path, o)
	} else {
		value, err = f.read(path)
	}
	if err != nil {
		return nil, err
	}
	single := stack{room: mostStacked}
	if value, err = single.tree(value); err != nil {
		return nil, err
	}
	f.notes = append(f.notes, single.notes...)
	// Programs nest what they save in lists and dicts of their own. Nothing is known of these but what shapes say:
	// images have 4 axes, or 5 with the classes before, and labels have as many rows.
	pairs := candidates(value, 0)
	// a file without pairs may still have its images in one tensor and the labels beside it
	asked := number > 0
	if !asked {
		number = preferred(pairs)
	}
	if number > max(1, len(pairs)) {
		return nil, fmt.Errorf("has %d sets, want number %d", len(pairs), number)
	}
	if !asked && inParts(pairs, number-1) {
		return nil, fmt.Errorf("holds %d sets%s of different classes or shares of them, perhaps parts of one: "+
			"torch.cat makes one of them, and FILE#1, FILE#2, … is one", len(pairs), placed(pairs))
	}
	if len(pairs) > 1 && asked {
		f.note("holds %d sets, of which number %d is taken", len(pairs), number)
	} else if len(pairs) > 1 {
		f.leave("holds %d sets%s, of which number %d is taken; FILE#2 takes the second", len(pairs), placed(pairs),
			number)
	}
	if len(pairs) > 0 {
		taken := pairs[number-1]
		f.images, f.labels, f.rate, f.notes = taken.images, taken.labels, taken.rate, append(f.notes, taken.notes...)
		for _, left := range taken.left {
			f.leave("%s", left)
		}
		if taken.names != nil {
			f.names, f.byName = nil, true
			if err := f.named("the labels", taken.names); err != nil {
				return nil, err
			}
		} else if err := f.named("the table's metadata", f.namesOf[taken.labelled]); err != nil {
			return nil, err
		}
	} else if images := loneImages(value, 0); len(images) == 1 {
		f.images = images[0]
	} else {
		return nil, fmt.Errorf("holds no images, or several: want one tensor of 4 axes, of which one is 1 or 3 "+
			"channels, and their labels; it has %s%s", describe(value), ofNetwork(value))
	}
	if err := f.namesWithin(value, 0); err != nil {
		return nil, err
	}
	if table && f.labels.Shape == nil {
		return nil, fmt.Errorf("no column of labels: want one of one number, a word or a list of shares for each "+
			"image; it has %s", describe(value))
	}
	if f.labels.Shape == nil {
		if err := f.labelsBeside(path, value, len(o.Names)); err != nil {
			return nil, err
		}
	}
	if f.rate == 0 && !table {
		if err := f.rateBeside(path); err != nil {
			return nil, err
		}
	}
	if o.Strict && len(f.left) > 0 {
		return nil, fmt.Errorf("%w: %s", dataset.ErrPassedOver, f.left[0])
	}
	return f, f.check()
}

// splitNumber splits FILE#2; 0 is that no number is asked for.
func splitNumber(path string) (string, int, error) {
	if _, err := store.Stat(path); err == nil || store.Failed(err) {
		return path, 0, err
	}
	file, digits, ok := strings.Cut(path, "#")
	if !ok {
		return path, 0, nil
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 {
		return path, 1, fmt.Errorf("%q is no number of a set, want FILE#1, FILE#2, …", digits)
	}
	return file, n, nil
}

// read reads a file of any kind to a tree.
func (f *found) read(path string) (any, error) {
	k, err := kindOf(path)
	if err != nil {
		return nil, err
	}
	switch k {
	case torch:
		tree, err := weights.OpenTree(path)
		if err != nil {
			return nil, err
		}
		f.closers = append(f.closers, tree.Close)
		if tree.Class != "" && len(tensorsOf(tree.Value, 0)) == 0 {
			return nil, fmt.Errorf("it is an object of the class %q, and no code of a class is run: "+
				"torch.save({\"images\": images, \"labels\": labels}, FILE) writes what is read", tree.Class)
		}
		return tree.Value, nil
	case safetensors:
		file, err := weights.Open(path)
		if err != nil {
			return nil, err
		}
		f.closers = append(f.closers, file.Close)
		var items []weights.Item
		for _, name := range file.Names() {
			t, err := file.Tensor(name)
			if err != nil {
				return nil, err
			}
			items = append(items, weights.Item{Key: name, Value: t})
		}
		names, where, err := file.ClassNames()
		if err != nil {
			return nil, err
		}
		return items, f.named(where, names)
	case npy, npz:
		return f.readNumPy(path, k)
	}
	return nil, errors.New("its content is none of PyTorch's, NumPy's and safetensors'")
}

// labelsBeside reads the labels from the file beside that of the images. classes is how many have names, 0 if that is
// not known.
func (f *found) labelsBeside(path string, value any, classes int) error {
	beside, err := besideOf(path, "labels", "label", "targets", "target", "soft_labels", "y")
	if err != nil {
		return err
	}
	// [K, n, C, H, W]: the place of an image says its class
	if len(f.images.Shape) == 5 && beside == "" {
		if left := len(tensorsOf(value, 0)) - 1; left > 0 {
			k, n := f.images.Shape[0], f.images.Shape[1]
			return fmt.Errorf("has images of %d classes, and beside them what may be their labels, or not: want "+
				"labels of shape [%d], [%d], [%d %d] or [%d], or none; it has %s", k, k, n, k, n, k*n, describe(value))
		}
		f.noLabels = true
		if f.across = f.images.Shape[1] == classes && f.images.Shape[0] != classes; f.across {
			f.note("no labels: the images are [images of a class, classes, …], shape %v, since %d classes have names",
				f.images.Shape, classes)
			return nil
		}
		f.note("no labels: the images are [classes, images of a class, …], shape %v", f.images.Shape)
		return nil
	}
	if beside == "" {
		return fmt.Errorf("has images and no labels: want %d of them as a tensor %q in it, or in a file %q beside it "+
			"(images of shape [classes, images of a class, C, H, W] need none); it has %s", f.images.Shape[0], "labels",
			labelsFile(path), describe(value))
	}
	if value, err = f.read(beside); err != nil {
		return err
	}
	for _, t := range tensorsOf(value, 0) {
		if t = unfolded(t, f.images); fits(t, f.images) {
			f.labels = t
			soft, err := besideOf(path, "soft_labels")
			if soft != "" && soft != beside {
				f.leave("%q is taken, and %q beside it is not", filepath.Base(beside), filepath.Base(soft))
			}
			return err
		}
	}
	return fmt.Errorf("%q has no labels for %d images: it has %s", filepath.Base(beside), f.images.Shape[0],
		describe(value))
}

// labelsFile is the usual name of the labels' file beside one of images.
func labelsFile(path string) string {
	name := filepath.Base(path)
	for _, word := range []string{"images", "data"} {
		if strings.Contains(name, word) {
			return strings.Replace(name, word, "labels", 1)
		}
	}
	return "labels" + filepath.Ext(path)
}

// rateBeside reads the learned rate, if it is there. One that is damaged is passed over.
func (f *found) rateBeside(path string) error {
	beside, err := besideOf(path, "lr", "syn_lr")
	if err != nil || beside == "" {
		return err
	}
	value, err := f.read(beside)
	if store.Failed(err) || errors.As(err, new(*fs.PathError)) { // it says nothing about what the file holds
		return err
	}
	if err != nil {
		f.note("%q beside it cannot be read, and no rate is taken from it: %v", filepath.Base(beside), err)
		return nil
	}
	if rate, _ := rateOf(value); isLearned(rate) {
		f.rate = rate
	} else {
		f.note("%q beside it has no rate above 0, and none is taken", filepath.Base(beside))
	}
	return nil
}

// besideOf returns the file beside another one that has one of the names in the place of images, "" if there is none.
func besideOf(path string, names ...string) (string, error) {
	dir, base := filepath.Split(path)
	for _, word := range []string{"images", "image", "data", "x"} {
		if !strings.Contains(base, word) {
			continue
		}
		for _, name := range names {
			// images_best.pt has labels_best.pt, images_5000.pt has labels_5000.pt
			beside := filepath.Join(dir, strings.Replace(base, word, name, 1))
			_, err := store.Stat(beside)
			if err == nil && beside != path {
				return beside, nil
			}
			if store.Failed(err) {
				return "", err
			}
		}
		break
	}
	return "", nil
}

// check holds the tensors against each other.
func (f *found) check() error {
	if !isImages(f.images) {
		return fmt.Errorf("images of shape %v, want [N, C, H, W] with 1 or 3 channels", f.images.Shape)
	}
	if !f.noLabels && !fits(f.labels, f.images) {
		return fmt.Errorf("labels of shape %v for images of shape %v", f.labels.Shape, f.images.Shape)
	}
	const widest = 1 << 14
	s := f.images.Shape[len(f.images.Shape)-3:]
	if s[0] < 1 || s[1] < 1 || s[2] < 1 || max(s[0], s[1], s[2]) > widest {
		return fmt.Errorf("images of shape %v, want at most %d pixels of a side", f.images.Shape, widest)
	}
	return nil
}
