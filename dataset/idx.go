package dataset

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

// The files of MNIST (http://yann.lecun.com/exdb/mnist), Fashion-MNIST, KMNIST and EMNIST are in the format IDX,
// perhaps compressed with gzip:
//
//	train-images-idx3-ubyte   0x00000803, n, h, w (uint32, big endian), n·h·w bytes
//	train-labels-idx1-ubyte   0x00000801, n, n bytes
//
// and t10k-… the same of the test images. EMNIST (Cohen et al. 2017, arXiv:1702.05373) has six sets side by side,
// emnist-letters-train-images-idx3-ubyte and so on; its pictures lie transposed and stay so, as in torchvision's
// reader, and the labels of letters begin with 1. Classes without names are the digits, or numbers if there are more.

const (
	idxImages = 0x00000803
	idxLabels = 0x00000801
)

// idxSplits are the ends of the files' names before what is in them, and what they mean.
var idxSplits = []struct{ end, split string }{{"t10k", "test"}, {"test", "test"}, {"train", "train"}}

// idxName parts the name of such a file: emnist-letters-train-images-idx3-ubyte.gz is of the set emnist-letters. Some
// have a dot in place of the dash before idx.
func idxName(name string) (set, end, what string) {
	name = strings.TrimSuffix(strings.ReplaceAll(name, ".idx", "-idx"), ".gz")
	if rest, ok := strings.CutSuffix(name, "-images-idx3-ubyte"); ok {
		name, what = rest, "images"
	} else if rest, ok := strings.CutSuffix(name, "-labels-idx1-ubyte"); ok {
		name, what = rest, "labels"
	}
	for _, s := range idxSplits {
		if rest, ok := strings.CutSuffix(name, s.end); ok && (rest == "" || strings.HasSuffix(rest, "-")) {
			return strings.TrimSuffix(rest, "-"), s.end, what
		}
	}
	return "", name, what
}

// idxFiles returns the files of images and labels.
func idxFiles(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, _, what := idxName(name)
		return what == ""
	})
}

// idxFile returns the first of the files that fit, and not also a second one: not unpacked beside it.
func idxFile(names []string, set, end, what string) string {
	for _, name := range names { // train-… comes before train-….gz
		if s, e, w := idxName(name); s == set && e == end && w == what {
			return name
		}
	}
	return ""
}

// idxSet returns the set that was asked for: of EMNIST's, letters is emnist-letters.
func idxSet(in found, o OpenOptions) (string, error) {
	var sets, short []string
	for _, name := range in.names {
		if set, _, _ := idxName(name); !slices.Contains(sets, set) {
			sets = append(sets, set)
			short = append(short, strings.TrimPrefix(set, "emnist-"))
		}
	}
	if i := slices.Index(short, o.Labels); i >= 0 && o.Labels != "" {
		return sets[i], nil
	}
	if len(sets) == 1 && sets[0] == "" {
		return "", checkLabels(o)
	}
	if o.Labels == "" && len(sets) == 1 {
		return sets[0], nil
	}
	if o.Labels == "" {
		return "", fmt.Errorf("%w %q, want one to be asked for", ErrLabels, short)
	}
	return "", checkLabels(o, short...)
}

// openIDX opens the files of MNIST. An image is known again by the size and the time of its file, and its row.
func openIDX(_ context.Context, in found, o OpenOptions) (source, lister, error) {
	set, err := idxSet(in, o)
	if err != nil {
		return nil, nil, err
	}
	names, err := namesOf(o, in.dir, "classes.txt", "classnames.txt")
	if err != nil {
		return nil, nil, err
	}
	src := rowFiles{channels: 1}
	dirs := tree{".": {}}
	for _, s := range idxSplits {
		images, labels := idxFile(in.names, set, s.end, "images"), idxFile(in.names, set, s.end, "labels")
		if images == "" && labels == "" {
			continue
		}
		if dirs.folder(s.split); o.Split != "" && o.Split != s.split {
			continue
		}
		if images == "" || labels == "" {
			begin := strings.TrimPrefix(set+"-"+s.end, "-")
			return nil, nil, fmt.Errorf("%s: want both %[2]s-images-idx3-ubyte and %[2]s-labels-idx1-ubyte", in.dir,
				begin)
		}
		into := &collector{dirs, s.split, map[string]*listing{}}
		if err := src.collectIDX(into, in.dir, images, labels, names); err != nil {
			return nil, nil, err
		}
	}
	if len(dirs) == 1 {
		return nil, nil, fmt.Errorf("has the files %s, want train-images-idx3-ubyte and the like", shorten(in.names))
	}
	return src, dirs, nil
}

// idxLabelNames are the names for labels: the digits where nobody gives others, unless there are more than ten; of
// labels that begin with 1, the first name is that of 1.
func idxLabelNames(names labelNames, labels []byte) labelNames {
	least, most := slices.Min(labels), slices.Max(labels)
	switch {
	case names.names == nil && most < 10:
		return labelNames{names: strings.Fields("0 1 2 3 4 5 6 7 8 9"), from: "the digits"}
	case names.names != nil && least == 1:
		return names.fromOne(int64(most))
	}
	return names
}

func (r *rowFiles) collectIDX(into *collector, dir, images, labels string, names labelNames) error {
	pixels, p, dims, err := openIDXFile(filepath.Join(dir, images), idxImages, 3)
	if err != nil {
		return foreignPart(filepath.Join(dir, images), err)
	}
	marks, _, count, err := openIDXFile(filepath.Join(dir, labels), idxLabels, 1)
	if err != nil {
		return foreignPart(filepath.Join(dir, labels), err)
	}
	n, h, w := dims[0], dims[1], dims[2]
	if count[0] != n {
		return fmt.Errorf("%s has %d images, %s %d labels", images, n, labels, count[0])
	}
	if len(r.files) > 0 && (r.h != h || r.w != w) {
		return fmt.Errorf("%s: images of %d × %d pixels, others of %d × %d", images, w, h, r.w, r.h)
	}
	r.h, r.w = h, w
	r.files = append(r.files, pixels)
	bytes := make([]byte, n)
	if m, err := marks.ReadAt(bytes, 8); m < n {
		return fmt.Errorf("%s: %w", labels, err)
	}
	names = idxLabelNames(names, bytes)
	for i, label := range bytes {
		class, err := names.class(int64(label))
		if err != nil {
			return fmt.Errorf("%s: row %d: %w", labels, i, err)
		}
		at := 16 + int64(i)*int64(h)*int64(w)
		into.add(class, file{name: fmt.Sprintf("%05d.pgm", i), size: r.size(), id: p.id(), in: len(r.files) - 1,
			at: at})
	}
	return nil
}

// openIDXFile opens a file of n dimensions and checks that it is whole.
func openIDXFile(path string, magic uint32, n int) (io.ReaderAt, piece, []int, error) {
	p, err := newPiece(path)
	if err != nil {
		return nil, p, nil, err
	}
	r, size, err := unpacked(p)
	if err != nil {
		return nil, p, nil, fmt.Errorf("%s: %w", path, err)
	}
	head := make([]byte, 4+4*n)
	if m, err := r.ReadAt(head, 0); m < len(head) {
		return nil, p, nil, fmt.Errorf("%s: the header ends early: %w", path, err)
	}
	if got := binary.BigEndian.Uint32(head); got != magic {
		return nil, p, nil, fmt.Errorf("%s: begins with %08x, want %08x", path, got, magic)
	}
	dims := make([]int, n)
	want := int64(1)
	for i := range dims {
		d := int64(binary.BigEndian.Uint32(head[4+4*i:]))
		if d == 0 || want > size/d {
			return nil, p, nil, fmt.Errorf("%s: dimension %d is %d in a file of %d bytes", path, i, d, size)
		}
		dims[i] = int(d)
		want *= d
	}
	if size != want+int64(len(head)) {
		return nil, p, nil, fmt.Errorf("%s: has %d bytes, want %d for %v", path, size, want+int64(len(head)), dims)
	}
	return r, p, dims, nil
}

// unpacked returns the content of a file: if it is compressed with gzip from memory, up to 256 MiB.
func unpacked(p piece) (io.ReaderAt, int64, error) {
	if filepath.Ext(p.path) != ".gz" {
		return p, p.size, nil
	}
	f, err := p.open()
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, 0, err
	}
	data, err := io.ReadAll(io.LimitReader(z, maxFile+1))
	if err != nil {
		return nil, 0, err
	}
	if len(data) > maxFile {
		return nil, 0, fmt.Errorf("has more than %d bytes unpacked: want the unpacked file, which is read in place",
			maxFile)
	}
	return bytes.NewReader(data), int64(len(data)), nil
}
