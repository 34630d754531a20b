package dataset

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// The binary version of CIFAR (https://www.cs.toronto.edu/~kriz/cifar.html) has rows of
//
//	CIFAR-10     label, 3072 pixels           data_batch_1.bin … data_batch_5.bin, test_batch.bin
//	CIFAR-100    coarse, fine, 3072 pixels    train.bin, test.bin
//
// each pixel block [3, 32, 32], bytes. The names of the classes are in batches.meta.txt, fine_label_names.txt and
// coarse_label_names.txt.

const cifarSide = 32

// cifar says what is in a file of CIFAR: its split, the bytes of labels in a row, which of them counts, and the
// file of the names.
type cifar struct {
	split      string
	labels, at int
	names      string
}

// cifarLabels are those of CIFAR-100.
var cifarLabels = []string{"fine", "coarse"}

// with chooses the labels.
func (c cifar) with(o OpenOptions) (cifar, error) {
	if c.labels == 1 {
		return c, checkLabels(o)
	}
	if o.Labels == "coarse" {
		c.at, c.names = 0, "coarse_label_names.txt"
	}
	return c, checkLabels(o, cifarLabels...)
}

func cifarOf(name string) (cifar, bool) {
	switch batch, ok := strings.CutPrefix(name, "data_batch_"); {
	case ok && strings.HasSuffix(batch, ".bin"):
		return cifar{"train", 1, 0, "batches.meta.txt"}, true
	case name == "test_batch.bin":
		return cifar{"test", 1, 0, "batches.meta.txt"}, true
	case name == "train.bin" || name == "test.bin":
		return cifar{strings.TrimSuffix(name, ".bin"), 2, 1, "fine_label_names.txt"}, true
	}
	return cifar{}, false
}

// cifarFiles returns the files of CIFAR, of which train.bin and test.bin may be anything without the names beside them.
func cifarFiles(names []string) []string {
	var files []string
	for _, name := range names {
		if c, ok := cifarOf(name); ok && (c.labels == 1 || slices.Contains(names, c.names)) {
			files = append(files, name)
		}
	}
	return files
}

// openCIFAR opens the files of CIFAR. An image is known again by the size and the time of its file, and its row.
func openCIFAR(ctx context.Context, in found, o OpenOptions) (source, lister, error) {
	pieces, err := newPieces(in.dir, in.names)
	if err != nil {
		return nil, nil, err
	}
	src := rowFiles{w: cifarSide, h: cifarSide, channels: 3}
	dirs := tree{".": {}}
	for i, p := range pieces {
		src.files = append(src.files, p)
		c, _ := cifarOf(in.names[i])
		dirs.folder(c.split)
		if o.Split != "" && c.split != o.Split {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		c, err := c.with(o)
		if err != nil {
			return nil, nil, err
		}
		names, err := namesOf(o, in.dir, c.names)
		if err != nil {
			return nil, nil, err
		}
		into := &collector{dirs, c.split, map[string]*listing{}}
		if err := collectCIFAR(into, i, p, c, names, src.size()); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", p.path, foreignPart(p.path, err))
		}
	}
	return src, dirs, nil
}

func collectCIFAR(into *collector, in int, p piece, c cifar, names labelNames, size int64) error {
	const pixels = 3 * cifarSide * cifarSide
	row := make([]byte, c.labels+pixels)
	if p.size == 0 || p.size%int64(len(row)) != 0 {
		return fmt.Errorf("has %d bytes, want rows of %d", p.size, len(row))
	}
	f, err := p.open()
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	for i := range p.size / int64(len(row)) {
		if _, err := io.ReadFull(r, row); err != nil {
			return fmt.Errorf("row %d: %w", i, err)
		}
		class, err := names.class(int64(row[c.at]))
		if err != nil {
			return fmt.Errorf("row %d: %w", i, err)
		}
		at := i*int64(len(row)) + int64(c.labels)
		into.add(class, file{name: fmt.Sprintf("%s-%05d.ppm", p.name(), i), size: size, id: p.id(), in: in, at: at})
	}
	return nil
}

// pickledCIFAR returns the files of CIFAR's Python version; those of CIFAR-100 are train, test and meta.
func pickledCIFAR(names []string) []string {
	hundred := slices.Contains(names, "meta")
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return name != "data_batch_1" && name != "test_batch" && !(hundred && (name == "train" || name == "test"))
	})
}

func refusePickles(context.Context, found, OpenOptions) (source, lister, error) {
	return nil, nil, errors.New("the Python version of CIFAR, which is pickles, want the binary one: " +
		"cifar-10-binary.tar.gz or cifar-100-binary.tar.gz, unpacked")
}
