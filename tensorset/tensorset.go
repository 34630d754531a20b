// Package tensorset reads image sets that are published as tensors: what programs of dataset distillation save.
//
//	DC, DSA, DM                       res_*.pt: {"data": [[images, labels], …]}, one pair for each experiment
//	MTT, TESLA, FTD, DATM, EDF, GLaD  a folder of images_best.pt, labels_best.pt and perhaps lr_best.pt
//	IDC, DREAM, NCFM                  data_best.pt: [images, labels]; the images may be collages
//	NumPy, safetensors                images and labels by these or other usual names
//	Parquet                           columns of lists of numbers
//
//	name     shape                        meaning
//	images   [N, C, H, W], [N, H, W, C]   C is 1 or 3; also [K, n, C, H, W], n images of each of K classes
//	labels   [N], [N, K]                  numbers, or what is said of each class: shares or logits
//	rate     scalar                       of the training, learned with the images
//
// Nothing in such a file says what its numbers mean. [Pixels] names the ways of which programs make use; Auto decides
// between them by evidence, which [Set.Notes] names.
package tensorset

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strconv"

	"mgd3/dataset"
	"mgd3/internal/words"
	"mgd3/store"
)

// ErrSet says that a set of tensors cannot be used; it is a [dataset.ErrSet].
var ErrSet = fmt.Errorf("%w of tensors", dataset.ErrSet)

var (
	// ErrPixels says that what the numbers mean cannot be told, or that more is needed to turn them to colours.
	ErrPixels = errors.New("what the numbers mean is not clear")
	// ErrClasses says that classes that are asked for have no images.
	ErrClasses = errors.New("no images of some classes")
)

// Options say how a file of tensors is read.
type Options struct {
	Pixels  Pixels   // what the numbers mean; "" is Auto
	Collage int      // each image is Collage × Collage smaller ones, which are cut out and enlarged; 0 and 1: none
	Names   []string // of the labels 0, 1, …; nil takes the set's own, or 0000, 0001, …
	Classes []string // those to take, in this order; nil takes all
	Limit   int      // images per class, the first in the file; 0 takes all

	// Of a Parquet set, as dataset.OpenOptions has them.
	Split, Labels string

	Strict bool // what is passed over is an error, [dataset.ErrPassedOver]

	// Whitening is asked for where the images are whitened; nil where there are no images to learn it from.
	Whitening func(ctx context.Context, w, h int) (*Whitening, error)
}

// Set is a set of images that was published as tensors.
type Set struct {
	Images *dataset.Set // with [dataset.RGB.Values] where its numbers are more than bytes
	Pixels Pixels       // what was taken
	Rate   float64      // learned with the images; 0 if none is there
	Notes  []string     // what was taken and why, for the user

	soft map[string][]float32 // what is said of each class of an image, by its name
}

// Soft returns the shares of the classes of an image, nil where labels are numbers. They sum to 1, in the order of the
// set's classes.
func (s *Set) Soft(ref dataset.Ref) []float32 { return s.soft[ref.Name] }

// Open opens a set. Errors are of kind [ErrSet]; one of a damaged file is a weights.ErrFormat as well.
func Open(ctx context.Context, path string, o Options) (*Set, error) {
	s, err := open(ctx, path, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrSet, err)
	}
	return s, nil
}

func open(ctx context.Context, path string, o Options) (_ *Set, err error) {
	if err := o.Pixels.Check(); err != nil {
		return nil, err
	}
	f, err := find(ctx, path, o)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = f.close()
		}
	}()
	if o.Labels != "" && f.namesOf == nil {
		return nil, fmt.Errorf("%w, so no %q", dataset.ErrOneKind, o.Labels)
	}
	r, err := newReader(f, max(1, o.Collage))
	if err != nil {
		return nil, err
	}
	s := &Set{Rate: f.rate, Notes: f.notes, soft: map[string][]float32{}}
	if err := s.decide(ctx, r, o, filepath.Base(path)); err != nil {
		return nil, err
	}
	classes, err := s.arrange(r, o)
	if err != nil {
		return nil, err
	}
	side := r.side()
	s.Images = dataset.FromValues(path, classes, side[0], side[1], func(ref dataset.Ref) (*dataset.RGB, error) {
		i, err := strconv.Atoi(ref.Name)
		if err != nil || i < 0 || i >= r.len() {
			return nil, fmt.Errorf("no image %q", ref.Name)
		}
		v, err := r.image(i)
		if err != nil {
			return nil, err
		}
		return dataset.OfValues(v, side[0], side[1])
	}, f.close)
	return s, nil
}

// arrange sorts the images by their classes.
func (s *Set) arrange(r *reader, o Options) ([]dataset.Class, error) {
	labels, err := s.labels(r)
	if err != nil {
		return nil, err
	}
	known := map[int]bool{}
	most := 0
	for _, label := range labels {
		known[label] = true
		most = max(most, label)
	}
	if k := r.found.classes(); k > 0 {
		most = k - 1
	}
	name := func(label int) string { return fmt.Sprintf("%04d", label) }
	names := r.found.names
	if o.Names != nil && !r.found.byName {
		if names != nil && !slices.Equal(names, o.Names) {
			s.Notes = append(s.Notes, fmt.Sprintf("the names that are given are taken in place of its own: 0 is %q, …",
				o.Names[0]))
		}
		names = o.Names
	}
	if names != nil {
		first, err := s.firstLabel(known, most, len(names), r.k == 0)
		if err != nil {
			return nil, err
		}
		name = func(label int) string {
			if label < first { // no image has it
				return ""
			}
			return names[label-first]
		}
	}
	place := map[string]int{}
	var classes []dataset.Class
	add := func(name string) {
		place[name] = len(classes)
		classes = append(classes, dataset.Class{Name: name})
	}
	if o.Classes != nil {
		for _, class := range o.Classes {
			add(class)
		}
	} else {
		for label := range most + 1 {
			if known[label] {
				add(name(label))
			}
		}
	}
	order := make([]int, most+1) // the place in classes of each label
	for label := range order {
		at, ok := place[name(label)]
		if order[label] = at; !ok {
			order[label] = -1
		}
	}
	for i, label := range labels {
		at := order[label]
		if at < 0 || o.Limit > 0 && len(classes[at].Images) == o.Limit {
			continue
		}
		id, err := s.id(r, i)
		if err != nil {
			return nil, err
		}
		ref := dataset.Ref{Class: classes[at].Name, Name: fmt.Sprintf("%06d", i), ID: id}
		classes[at].Images = append(classes[at].Images, ref)
		if soft := r.soft(i); soft != nil {
			s.soft[ref.Name] = reordered(soft, order, len(classes))
		}
	}
	var absent []string
	for _, class := range classes {
		if len(class.Images) == 0 {
			absent = append(absent, class.Name)
		}
	}
	if len(absent) > 0 {
		return nil, fmt.Errorf("%w: %s; %d of %d have some", ErrClasses, words.Quoted(absent),
			len(classes)-len(absent), len(classes))
	}
	return classes, nil
}

// firstLabel returns the number that the first of so many names is for: 0, or 1 where the labels are 1 to that number.
func (s *Set) firstLabel(known map[int]bool, most, names int, numbers bool) (int, error) {
	switch {
	case most < names && !known[0] && numbers:
		s.Notes = append(s.Notes, fmt.Sprintf("no image has the label 0, which is the first of %d classes: if the "+
			"labels count from 1, all classes are those before theirs", names))
	case most == names && !known[0] && numbers:
		s.Notes = append(s.Notes, fmt.Sprintf("the labels count from 1 to %d", most))
		return 1, nil
	case most >= names:
		return 0, fmt.Errorf("label %d, but there are names for %d", most, names)
	}
	return 0, nil
}

// reordered gives each class the share of its label, and lets the rest go.
func reordered(soft []float32, order []int, classes int) []float32 {
	out := make([]float32, classes)
	sum := float32(0)
	for label, v := range soft {
		if label < len(order) && order[label] >= 0 {
			out[order[label]] += v
			sum += v
		}
	}
	for i := range out {
		out[i] /= cmp.Or(sum, 1)
	}
	return out
}

// id names the content of an image.
func (s *Set) id(r *reader, i int) (string, error) {
	data, err := r.bytes(i)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s %d %d %s\n", s.Pixels, r.collage, i%(r.collage*r.collage), r.how.id())
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

// labels returns the label of each image; of shares it is the largest.
func (s *Set) labels(r *reader) ([]int, error) {
	labels := make([]int, r.len())
	for i := range labels {
		label, err := r.label(i)
		if err != nil {
			return nil, err
		}
		labels[i] = label
	}
	return labels, nil
}

// largestLabel is the largest label that is taken for one.
const largestLabel = 999_999

// checkLabel tells whether a number can be a label.
func checkLabel(i int, v float64) (int, error) {
	if !(v >= 0 && v <= largestLabel) || v != math.Trunc(v) {
		return 0, fmt.Errorf("the label of image %d is %v, want a whole number from 0 to %d", i, v, largestLabel)
	}
	return int(v), nil
}

// Is reports whether a path is read here: a file of tensors, FILE#2, a folder that has one of images, or a Parquet set,
// of which a split may be asked for, that has numbers for images. Its error is of the file system.
func Is(path, split string) (bool, error) {
	file, _, err := splitNumber(path)
	if store.Failed(err) {
		return false, err
	}
	is, err := is(file)
	if store.Failed(err) {
		return false, err
	}
	if is {
		return true, nil
	}
	return dataset.HasNumbers(file, split)
}

// isTable reports whether a path is that of a Parquet set, and not of a file of tensors.
func isTable(path string, info fs.FileInfo, split string) (bool, error) {
	if info.IsDir() {
		if _, err := inFolder(path); err == nil {
			return false, nil
		}
	}
	return dataset.HasNumbers(path, split)
}

func is(path string) (bool, error) {
	info, err := store.Stat(path)
	switch {
	case err != nil:
		return false, err
	case info.IsDir():
		_, err := inFolder(path)
		return err == nil, err
	case !info.Mode().IsRegular():
		return false, nil
	}
	k, err := kindOf(path)
	return k != noTensors, err
}
