// Package export writes a finished set in the forms that other programs read.
//
//	folder      OUT/images/CLASS/0000.png, OUT/manifest.json, OUT/README.md, the card
//	zip         the same files in one archive, stored as they are
//	parquet     rows of the columns image, struct{bytes, path}, and label, a number; the classes' names in the file's
//	            metadata
//	            "huggingface", the manifest in "mgd3"
//	webdataset  OUT/train-000000.tar, … with KEY.png, KEY.cls and KEY.json of each image; OUT/classes.txt,
//	            OUT/manifest.json
//	torch       a dict of torch.save: images [N, 3, H, W], labels [N], classes; the manifest in "mgd3"
//	mtt         OUT/images_best.pt, OUT/labels_best.pt, as MTT's program has them, OUT/classes.txt, OUT/manifest.json
//
// A set is what distill, merge and baseline leave behind: images, and a manifest of them. Every image is held against
// its hash there on its way. Labels count the classes from 0 in the order of the manifest; they are not the
// denoiser's.
//
// Equal sets give equal bytes: files come in the order of the manifest and carry no times. dataset.Open reads all
// forms.
package export

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"mgd3/distill"
	"mgd3/internal/words"
	"mgd3/stage/atomicfile"
)

var (
	// ErrSet says that a folder holds no finished set, or one whose manifest cannot be used.
	ErrSet = errors.New("not a finished set")
	// ErrChanged says that an image is not as the manifest says.
	ErrChanged = errors.New("is not as the manifest says")
	// ErrSizes says that a form takes images of one size alone.
	ErrSizes = errors.New("the images have different sizes")
	// ErrExists says that something else is at the place of the output.
	ErrExists = errors.New("holds something else")
)

// Format is a form of the output.
type Format string

// The formats.
const (
	Folder     Format = "folder"
	Zip        Format = "zip"
	Parquet    Format = "parquet"
	WebDataset Format = "webdataset"
	Torch      Format = "torch"
	MTT        Format = "mtt"
)

// Formats lists all formats.
var Formats = []Format{Folder, WebDataset, Parquet, Zip, Torch, MTT}

// Check names a format that is none.
func (f Format) Check() error {
	if !slices.Contains(Formats, f) {
		return fmt.Errorf("format is %q, want %s", f, words.Or(Formats))
	}
	return nil
}

// Path is where the set in dir goes if nobody says otherwise: beside it. An ending is what readers know a file by;
// folders get the format behind a dash, so that two of them differ.
func (f Format) Path(dir string) string {
	dir = filepath.Clean(dir)
	switch f {
	case Zip, Parquet:
		return dir + "." + string(f)
	case Torch:
		return dir + ".pt"
	}
	return dir + "-" + string(f)
}

// Path is where the set in dir goes if nobody says otherwise: beside it, and to a folder where there is a card.
func (o Options) Path(dir string) string {
	if o.Card != nil && o.Format == Parquet {
		return Folder.Path(dir)
	}
	return o.Format.Path(dir)
}

const (
	manifestName = "manifest.json"
	classesName  = "classes.txt"
)

// Options say how to write.
type Options struct {
	Format Format
	Shard  int64  // bytes of images in a tar of a WebDataset, one image at least; 0 means 500 MB
	Pixels Pixels // of torch, Bytes if it is "", and of mtt, ImageNet
	Card   *Card  // of a folder, where nil is an empty one; of parquet, which is then a folder with the card
}

// Check finds what the format has no use for, by the flags of the command.
func (o Options) Check() error {
	switch {
	case o.Card != nil && o.Format != Folder && o.Format != Parquet:
		return fmt.Errorf("--card and what it says are for folder and parquet, not %s", o.Format)
	case o.Pixels != "" && o.Format != Torch && o.Format != MTT:
		return fmt.Errorf("--pixels is for torch and mtt, not %s", o.Format)
	}
	return o.Format.Check()
}

// Written is what came of it.
type Written struct {
	Out     string `json:"out"` // a file, or a folder
	Format  Format `json:"format"`
	Images  int    `json:"images"`
	Classes int    `json:"classes"`
	Files   int    `json:"files"`
	Bytes   int64  `json:"bytes"` // of all files
}

// Write writes the set in the folder dir to out, which appears when it is complete. Another process at work on out is
// a [stage.ErrBusy]. What is there with the same bytes already may stay, anything else is an [ErrExists]. A folder
// without a usable manifest is an [ErrSet]; an image that is missing or has another hash than in the manifest is an
// [ErrChanged].
func Write(ctx context.Context, dir, out string, o Options) (Written, error) {
	if err := o.Format.Check(); err != nil {
		return Written{}, err
	}
	if o.Pixels == "" {
		o.Pixels = map[Format]Pixels{MTT: ImageNet}[o.Format]
		if o.Pixels == "" {
			o.Pixels = Bytes
		}
	}
	if o.Format == Torch || o.Format == MTT {
		if err := o.Pixels.check(o.Format); err != nil {
			return Written{}, err
		}
	}
	s, err := open(dir)
	if err != nil {
		return Written{}, err
	}
	out = filepath.Clean(out)
	// What is written there would be taken for images of the set by the next reader.
	if inside(distill.ImagesDir(dir), out) {
		return Written{}, fmt.Errorf("%s lies among the images of the set, want another place", out)
	}
	write := map[Format]func(context.Context, string, Options) error{
		Folder: s.folder, Zip: s.zip, Parquet: s.parquet, WebDataset: s.webDataset, Torch: s.torch,
		MTT: s.mtt,
	}[o.Format]
	if err := create(out, func(tmp string) error { return write(ctx, tmp, o) }); err != nil {
		return Written{}, err
	}
	w := Written{Out: out, Format: o.Format, Images: s.count(), Classes: len(s.classes)}
	w.Files, w.Bytes, err = measure(out)
	return w, err
}

// inside reports whether path is dir or lies below it.
func inside(dir, path string) bool {
	a, errA := filepath.Abs(dir)
	b, errB := filepath.Abs(path)
	rel, err := filepath.Rel(a, b)
	// local: "." or below, and not ".."
	return errors.Join(errA, errB, err) == nil && filepath.IsLocal(rel)
}

// set is a finished set.
type set struct {
	dir      string
	manifest []byte // the file
	classes  []class
}

// class is one of the manifest.
type class struct {
	Name   string            `json:"name"`
	Images []json.RawMessage `json:"images"`
}

// picture is one image of the manifest, and its file.
type picture struct {
	// kept as bytes: an export has all fields of an entry, those of later versions too
	entry json.RawMessage // of the manifest
	class int
	file  string // below the set's folder, with slashes
	data  []byte
}

// open reads the manifest of a set.
func open(dir string) (*set, error) {
	// Checked as a manifest, and then read again for its bytes and for the entries as they are.
	if _, err := distill.ReadManifest(dir); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSet, err)
	}
	name := filepath.Join(dir, manifestName)
	data, err := atomicfile.Read(name, atomicfile.MostText)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSet, err)
	}
	var m struct {
		Classes []class `json:"classes"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", name, ErrSet, err)
	}
	s := &set{dir: dir, manifest: data, classes: m.Classes}
	if s.count() == 0 {
		return nil, fmt.Errorf("%s: %w: it names no images", name, ErrSet)
	}
	// The names become folders of the output, and the manifest may be somebody else's: nothing is written outside.
	seen := map[string]bool{}
	for _, c := range s.classes {
		if !isName(c.Name) || seen[c.Name] {
			return nil, fmt.Errorf("%s: %w: the name of class %.60q cannot be that of a folder, or comes twice", name,
				ErrSet, c.Name)
		}
		seen[c.Name] = true
	}
	return s, nil
}

// isName tells whether a file or folder can be called so, anywhere.
func isName(name string) bool {
	const most = 200 // bytes; file systems end at 255
	return name != "" && name != "." && name != ".." && len(name) <= most && !strings.ContainsAny(name, "/\\\x00\n\r")
}

func (s *set) count() (n int) {
	for _, c := range s.classes {
		n += len(c.Images)
	}
	return n
}

func (s *set) classNames() []string {
	names := make([]string, len(s.classes))
	for i, c := range s.classes {
		names[i] = c.Name
	}
	return names
}

// images reads all images in the order of the manifest, up to the first error.
func (s *set) images(ctx context.Context) iter.Seq2[picture, error] {
	return func(yield func(picture, error) bool) {
		for i, c := range s.classes {
			for _, entry := range c.Images {
				p, err := s.read(i, entry)
				if err = errors.Join(ctx.Err(), err); !yield(p, err) || err != nil {
					return
				}
			}
		}
	}
}

// read reads an image of a class and compares it with its entry.
func (s *set) read(class int, entry json.RawMessage) (picture, error) {
	var want struct {
		File   string `json:"file"`
		SHA256 string `json:"sha256"`
	}
	manifest := filepath.Join(s.dir, manifestName)
	if err := json.Unmarshal(entry, &want); err != nil {
		return picture{}, fmt.Errorf("%s: %w: %w", manifest, ErrSet, err)
	}
	// The path must be one that distill could have written, so that a manifest cannot name a file elsewhere on the
	// disk.
	if folder := path.Join("images", s.classes[class].Name); path.Dir(want.File) != folder ||
		path.Clean(want.File) != want.File || !isName(path.Base(want.File)) || !filepath.IsLocal(want.File) {
		return picture{}, fmt.Errorf("%s: %w: it names the file %.100q, want one in %s", manifest, ErrSet, want.File,
			folder)
	}
	name := filepath.Join(s.dir, filepath.FromSlash(want.File))
	data, err := atomicfile.Read(name, atomicfile.MostText)
	if errors.Is(err, os.ErrNotExist) {
		return picture{}, fmt.Errorf("%s: %w: it is missing", name, ErrChanged)
	}
	if err != nil {
		return picture{}, err
	}
	sum := sha256.Sum256(data)
	if have := hex.EncodeToString(sum[:]); have != want.SHA256 {
		return picture{}, fmt.Errorf("%s: %w: has SHA-256 %s, want %s", name, ErrChanged, have, want.SHA256)
	}
	return picture{entry, class, want.File, data}, nil
}

// writeFile writes a file of which the bytes are known.
func writeFile(name string, data []byte) error {
	return atomicfile.WriteBytes(name, data)
}
