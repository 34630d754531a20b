package dataset

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// The cropped digits of SVHN (http://ufldl.stanford.edu/housenumbers) are train_32x32.mat, test_32x32.mat and
// extra_32x32.mat with
//
//	X   uint8 [32, 32, 3, N], column by column
//	y   [N, 1]: the digit, and 10 for 0
//
// A file is inflated to memory, up to 256 MiB: train has 215, test 77; extra has 1.6 GB and is refused.

const (
	svhnEnd  = "_32x32.mat"
	svhnSide = 32
)

func svhnFiles(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !strings.HasSuffix(name, svhnEnd) })
}

// openSVHN opens the files of SVHN. An image is known again by the size and the time of its file, and its row.
func openSVHN(_ context.Context, in found, o OpenOptions) (source, lister, error) {
	names, err := namesOf(o, in.dir, "classes.txt", "classnames.txt")
	if err != nil {
		return nil, nil, err
	}
	if err := checkLabels(o); err != nil {
		return nil, nil, err
	}
	if names.names == nil {
		names = labelNames{names: strings.Fields("0 1 2 3 4 5 6 7 8 9"), from: "the digits"}
	}
	src := rowFiles{w: svhnSide, h: svhnSide, channels: 3, columns: true}
	dirs := tree{".": {}}
	for _, name := range in.names {
		split := strings.TrimSuffix(name, svhnEnd)
		if dirs.folder(split); o.Split != "" && o.Split != split {
			continue
		}
		into := &collector{dirs, split, map[string]*listing{}}
		if err := src.collectSVHN(into, filepath.Join(in.dir, name), names); err != nil {
			return nil, nil, fmt.Errorf("%q: %w", name, foreignPart(filepath.Join(in.dir, name), err))
		}
	}
	return src, dirs, nil
}

func (r *rowFiles) collectSVHN(into *collector, path string, names labelNames) error {
	const row = 3 * svhnSide * svhnSide
	p, err := newPiece(path)
	if err != nil {
		return err
	}
	data, err := p.section(0, p.size)
	if err != nil {
		return err
	}
	vars, err := readMat(data)
	if err != nil {
		return err
	}
	x := vars["X"]
	shaped := len(x.dims) >= 3 && slices.Equal(x.dims[:3], []int{svhnSide, svhnSide, 3})
	if x.kind != miUint8 || !shaped || len(x.data)%row != 0 {
		return fmt.Errorf("the variable \"X\" has dimensions %v, want bytes in [32 32 3 N]", x.dims)
	}
	labels, err := vars["y"].ints()
	if err != nil {
		return err
	}
	n := len(x.data) / row
	if len(labels) != n || n == 0 {
		return fmt.Errorf("has %d images and %d labels", n, len(labels))
	}
	digits := make([]byte, n)
	for i, label := range labels {
		if label < 0 || label > 10 {
			return fmt.Errorf("row %d: label %d, want 0 to 10", i, label)
		}
		digits[i] = byte(label % 10)
	}
	r.files = append(r.files, bytes.NewReader(x.data))
	return r.addRows(into, digits, names, p, row)
}
