// Package embedding reads and writes features of images that were made elsewhere, by DINOv2 or CLIP say: a row of d
// numbers for each of N images, with the name of its file. Modes are found in these rows in place of the latents
// ("mgd3 distill --features"); a mode is still the mean of its cluster's latents.
//
//	Parquet      a column of names (file_name, filename, file, path, image, name), and one of lists of numbers
//	             (embedding, embeddings, features, vector)
//	safetensors  a tensor "embedding" or "features" [N, d] F32, and in the metadata "names", a JSON list of N names
//
// A name is the image's path in its set, or ends with CLASS/FILE, or is FILE where no other class has a file so named.
// Which of them a program wrote is not asked: each row is entered under all three, and a name that fits two rows is an
// error when it is looked up, never a guess.
//
//	name      shape    meaning
//	Names     [N]      of the files, as they stand in the file
//	Features  [N, d]   float32, finite; float64 of Parquet is rounded
package embedding

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"mgd3/matrix"
	"mgd3/stage/atomicfile"
	"mgd3/weights"
)

// ErrFeatures says that a file has no features of images, or not of those at hand.
var ErrFeatures = errors.New("not the features of these images")

// Table is the rows of a file.
type Table struct {
	Path     string
	SHA256   string   // of the file, hex
	Names    []string // [N]
	Features matrix.Matrix

	byName map[string]int // -1 of a name that several rows have
}

// most is more bytes (64 GiB) than a file of features that fits in memory has: ImageNet's 1.28 million rows of 1,024
// numbers have 5 GiB.
const most = 1 << 36

// Open reads a whole file to memory; its ending says what it is. A file that is damaged, of another kind, without one
// of the columns or tensors above, with rows of different lengths, or with a number that is not finite is an
// [ErrFeatures] that names the file.
func Open(ctx context.Context, file string) (*Table, error) {
	data, err := atomicfile.Read(file, most)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	t := &Table{Path: file, SHA256: hex.EncodeToString(sum[:])}
	switch {
	case strings.HasSuffix(file, ".parquet"):
		err = t.readParquet(ctx, data)
	case strings.HasSuffix(file, ".safetensors"):
		err = t.readTensors(file)
	default:
		err = errors.New("its name ends neither with .parquet nor with .safetensors")
	}
	if err == nil {
		err = t.check()
	}
	if err != nil {
		return nil, fmt.Errorf("%q: %w: %w", file, ErrFeatures, err)
	}
	return t, nil
}

func (t *Table) readTensors(file string) error {
	f, err := weights.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := json.Unmarshal([]byte(f.Metadata()["names"]), &t.Names); err != nil {
		return errors.New(`its metadata has no "names", a JSON list of the images' file names`)
	}
	for _, name := range []string{"embedding", "features"} {
		tensor, err := f.Tensor(name)
		if err != nil {
			continue
		}
		if len(tensor.Shape) != 2 {
			return fmt.Errorf("tensor %q has shape %v, want [images, numbers]", name, tensor.Shape)
		}
		t.Features.Rows, t.Features.Cols = tensor.Shape[0], tensor.Shape[1]
		t.Features.Data, err = tensor.Float32s()
		return err
	}
	return errors.New(`it has neither a tensor "embedding" nor "features"`)
}

// check tests that the parts fit together, and makes the index.
func (t *Table) check() error {
	f := t.Features
	if len(t.Names) != f.Rows || f.Rows == 0 || f.Cols == 0 || len(f.Data) != f.Rows*f.Cols {
		return fmt.Errorf("it has %d names and features [%d, %d], want as many of both, and at least one", len(t.Names),
			f.Rows, f.Cols)
	}
	for i, v := range f.Data {
		if v-v != 0 { // NaN or ±Inf
			return fmt.Errorf("the features of %q have %v, want finite numbers", t.Names[i/f.Cols], v)
		}
	}
	t.byName = map[string]int{}
	for i, name := range t.Names {
		// The three keys of a row may be one and the same (a name without a folder): that is no clash with itself.
		full := path.Clean(strings.ReplaceAll(name, `\`, "/"))
		for _, key := range []string{full, tail(full, 2), tail(full, 1)} {
			if at, ok := t.byName[key]; ok && at != i {
				t.byName[key] = -1
			} else {
				t.byName[key] = i
			}
		}
	}
	return nil
}

// tail returns the last n parts of a path.
func tail(name string, n int) string {
	parts := strings.Split(name, "/")
	return strings.Join(parts[max(0, len(parts)-n):], "/")
}

// Of returns the features [len(names), d] of the images of a class, in their order. An image is looked for under its
// path in the set, then CLASS/FILE, then FILE; the first of these that names one row alone counts. An image that has no
// row, or more than one, is an [ErrFeatures] that names it.
func (t *Table) Of(class string, names []string) (matrix.Matrix, error) {
	found := matrix.Matrix{Cols: t.Features.Cols}
	for _, name := range names {
		at, known := -1, false
		for _, key := range []string{name, path.Join(class, path.Base(name)), path.Base(name)} {
			if i, ok := t.byName[path.Clean(key)]; ok {
				at, known = i, true
				if i >= 0 {
					break
				}
			}
		}
		switch {
		case !known:
			return found, fmt.Errorf("%q: %w: image %q of class %q has no row; the first row is %q", t.Path,
				ErrFeatures,
				name, class, t.Names[0])
		case at < 0:
			return found, fmt.Errorf("%q: %w: several rows may be image %q of class %q, want names with their classes",
				t.Path, ErrFeatures, name, class)
		}
		found.Rows++
		found.Data = append(found.Data, t.Features.Row(at)...)
	}
	return found, nil
}

// Write writes names [N] and features [N, d] to a file, .parquet or .safetensors by its ending. Equal rows give equal
// bytes. The file appears when it is complete.
func Write(file string, names []string, features matrix.Matrix) error {
	if len(names) != features.Rows {
		return fmt.Errorf("%d names of %d rows, want as many", len(names), features.Rows)
	}
	switch {
	case strings.HasSuffix(file, ".parquet"):
		var data bytes.Buffer
		if err := writeParquet(&data, names, features); err != nil {
			return err
		}
		return atomicfile.WriteBytes(file, data.Bytes())
	case strings.HasSuffix(file, ".safetensors"):
		list, err := json.Marshal(names)
		if err != nil {
			return err
		}
		tensor := weights.F32("embedding", []int{features.Rows, features.Cols}, features.Data)
		return atomicfile.Write(file, func(w io.Writer) error {
			return weights.WriteSealedTensors(w, []weights.Tensor{tensor}, map[string]string{"names": string(list)})
		})
	}
	return fmt.Errorf("%q: want a name that ends with .parquet or .safetensors", file)
}
