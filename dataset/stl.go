package dataset

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

// The binary version of STL-10 (https://cs.stanford.edu/~acoates/stl10) is
//
//	train_X.bin, test_X.bin      [3, 96, 96] bytes an image, each plane column by column
//	train_y.bin, test_y.bin      its label, a byte from 1
//	class_names.txt              the names of the labels 1 to 10
//
// and unlabeled_X.bin, which has no labels.

const stlSide = 96

func stlFiles(names []string) []string {
	files := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return !strings.HasSuffix(name, "_X.bin") && !strings.HasSuffix(name, "_y.bin")
	})
	if !slices.Contains(files, "train_X.bin") && !slices.Contains(files, "test_X.bin") {
		return nil
	}
	return files
}

// openSTL opens the files of STL-10. An image is known again by the size and the time of its file, and its row.
func openSTL(_ context.Context, in found, o OpenOptions) (source, lister, error) {
	if o.Split == "unlabeled" {
		return nil, nil, fmt.Errorf("split %q %s", o.Split, noLabels)
	}
	names, err := namesOf(o, in.dir, "class_names.txt")
	if err != nil {
		return nil, nil, err
	}
	if err := checkLabels(o); err != nil {
		return nil, nil, err
	}
	src := rowFiles{w: stlSide, h: stlSide, channels: 3, columns: true}
	dirs := tree{".": {}}
	for _, split := range []string{"train", "test"} {
		if !slices.Contains(in.names, split+"_X.bin") {
			continue
		}
		if dirs.folder(split); o.Split != "" && o.Split != split {
			continue
		}
		into := &collector{dirs, split, map[string]*listing{}}
		if err := src.collectSTL(into, in.dir, names); err != nil {
			return nil, nil, err
		}
	}
	return src, dirs, nil
}

func (r *rowFiles) collectSTL(into *collector, dir string, names labelNames) error {
	const row = 3 * stlSide * stlSide
	images, labels := into.split+"_X.bin", into.split+"_y.bin"
	p, err := newPiece(filepath.Join(dir, images))
	if err != nil {
		return err
	}
	marks, err := newPiece(filepath.Join(dir, labels))
	if err != nil {
		return err
	}
	if p.size != marks.size*row || marks.size == 0 {
		err := fmt.Errorf("%q has %d bytes, want %d for each of the %d labels in %q", images, p.size, row, marks.size,
			labels)
		return foreignPart(marks.path, foreignPart(p.path, err))
	}
	list, err := marks.section(0, marks.size)
	if err != nil && err != io.EOF {
		return err
	}
	r.files = append(r.files, p)
	return r.addRows(into, list, names.fromOne(int64(slices.Max(list))), p, row)
}

// addRows enters the images of the last file, whose labels are known; each has row bytes.
func (r *rowFiles) addRows(into *collector, labels []byte, names labelNames, p piece, row int64) error {
	for i, label := range labels {
		class, err := names.class(int64(label))
		if err != nil {
			return fmt.Errorf("%q: row %d: %w", p.path, i, err)
		}
		name := fmt.Sprintf("%s-%06d.ppm", p.name(), i)
		into.add(class, file{name: name, size: r.size(), id: p.id(), in: len(r.files) - 1, at: int64(i) * row})
	}
	return nil
}
