package main

import (
	"context"
	"strings"

	"github.com/spf13/pflag"

	"mgd3/dataset"
	"mgd3/encode"
	"mgd3/internal/cli"
	"mgd3/internal/words"
	"mgd3/sets"
	"mgd3/tensorset"
)

// dataFlags say which images are taken, and how they are encoded.
type dataFlags struct {
	imageFlags
	encode encode.Settings
}

// add defines all of them. cli.Heading puts the flags since the last heading under its title in --help, so that the
// order of the lines is the order of the help.
func (d *dataFlags) add(f *pflag.FlagSet) {
	d.imageFlags.add(f)
	d.cropFlags(f)
	s := &d.encode
	f.BoolVar(&s.Flip, "flip", false, "mirror images by chance before encoding, as the released programs do")
	f.BoolVar(&s.FromSample, "posterior-sample", false, "encode to a sample of the posterior in place of its mean")
	f.Uint64Var(&s.Seed, "encode-seed", 0,
		"seed of --flip and --posterior-sample; with a preset that flips it is --seed, unless given")
	cli.Heading(f, "How images are read")
}

// cropFlags are those that a network's features need as well.
func (d *dataFlags) cropFlags(f *pflag.FlagSet) {
	s := &d.encode
	f.IntVar(&s.Size, "size", 0, "crop to this many `PIXELS`; 0 takes what the denoiser was made for")
	f.StringVar(&s.Crop, "crop", encode.CropADM, cropHelp)
	f.BoolVar(&s.IgnoreEXIF, "ignore-exif", false,
		"leave photographs turned as they are stored, as the released programs do")
	f.BoolVar(&s.SkipBad, "skip-bad", false, "pass over images that cannot be read, and list them")
}

const cropHelp = "`HOW` to crop: adm as the DiT programs, center as torchvision's Resize and CenterCrop"

// imageFlags name a set of labelled images. page, sheet and export, which need fewer, define theirs by hand.
type imageFlags struct{ sets.Spec }

func (s *imageFlags) add(f *pflag.FlagSet) {
	f.StringVar(&s.Path, "data", "", dataHelp)
	f.StringVar(&s.Split, "split", "", "the `NAME` of the part to take, train say: a sub-folder, or a word in the "+
		"files' names")
	f.StringVar(&s.Classes, "classes", "", classesHelp)
	f.IntVar(&s.Limit, "limit", 0, "take the first `N` images of each class by file name; 0 takes all")
	labelFlags(f, &s.ClassNames, &s.Labels)
	cli.Heading(f, "Images")
}

// open opens the set.
func (s *imageFlags) open(ctx context.Context, e *env) (*dataset.Set, error) {
	set, err := e.sets.Open(ctx, s.Spec)
	return set, ofSet(err)
}

var (
	// A word in back quotes is what --help shows in the place of a value.
	dataHelp = "real images: `SET` is a folder, a zip or a tar of SPLIT/CLASS/FILE or CLASS/FILE, class tars, " +
		"WebDataset, Parquet, " +
		"CIFAR or MNIST (docs/data.md); glyphs is the set in the program"
	classesHelp = "classes to take: a `LIST` by name (" + strings.Join(dataset.ListNames(), ", ") +
		") or a file with one class a line; default all in byte order"
)

const (
	classNamesHelp = "names of the classes by their number, for a set whose labels or folders are numbers: a `LIST` " +
		"by name or a file " +
		"with one class a line; default those in the set"
	labelsHelp = "which `LABELS` to take of a set that has several: fine or coarse of CIFAR-100; letters, balanced, " +
		"… of EMNIST; " +
		"variant, family or manufacturer of FGVC-Aircraft"
)

// labelFlags say what the labels of a set mean.
func labelFlags(f *pflag.FlagSet, classNames, labels *string) {
	f.StringVar(classNames, "class-names", "", classNamesHelp)
	f.StringVar(labels, "labels", "", labelsHelp)
}

// tensorFlags say how sets are read that were published as tensors.
func (e *env) tensorFlags(f *pflag.FlagSet) {
	// They are of the opener, and not of one set: a file of tensors does not say what its numbers mean, and all that a
	// command opens are read alike.
	t := &e.sets.Tensors
	f.StringVar(&t.Pixels, "pixels", string(tensorset.Auto), "what the numbers of a set of tensors mean: `HOW` is "+
		words.List(tensorset.AllPixels())+"; auto takes what the evidence says, and says which")
	f.IntVar(&t.Collage, "collage", 1, "each image of a set of tensors is `N` × N smaller ones, as IDC's, DREAM's and "+
		"NCFM's are: cut them out and enlarge them")
	f.StringVar(&t.ZCA.Path, "zca-from", "", "the training `SET` by which whitened images (MTT's for CIFAR) were "+
		"whitened")
	f.StringVar(&t.ZCA.Split, "zca-split", "", "the `NAME` of the sub-folder to take of --zca-from")
	cli.Heading(f, "Sets of tensors")
}
