package weights

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
)

// ErrRange marks a number that is infinite in the type it is to be rounded to.
var ErrRange = errors.New("number out of range")

// Conversion says how [Conversion.Shards] writes a set.
type Conversion struct {
	Name     string // of the file without its ending; "" is model
	DType    DType  // F16 or BF16: the type of all floats; "" leaves them as they are
	MaxShard int64  // bytes of data in a file, but at least one tensor; 0 writes one file

	// Metadata is stored beside the tensors; "format": "pt", which other readers ask for, is added.
	Metadata map[string]string
}

// Shard is one file of a model that is to be written.
type Shard struct {
	Name     string
	tensors  []stacked
	metadata map[string]string
}

// stacked is one tensor to be written: its layout, and the parts it consists of.
type stacked struct {
	Tensor
	parts []Tensor
}

// Shards lays out the files of a set, and the index that belongs beside them: named as other programs name them,
// model.safetensors, or model-00001-of-00002.safetensors and so on with model.safetensors.index.json. The index is nil
// if there is one file. Types of larger elements come first, so that every element lies at a multiple of its size,
// then the names in order; equal sets give equal bytes.
func (c Conversion) Shards(s *Set) (shards []Shard, index []byte, err error) {
	name := cmp.Or(c.Name, "model")
	metadata := maps.Clone(c.Metadata)
	if metadata == nil {
		metadata = map[string]string{}
	}
	metadata["format"] = cmp.Or(metadata["format"], "pt")
	tensors, err := c.layout(s)
	if err != nil {
		return nil, nil, err
	}
	groups, total := c.group(tensors)
	if len(groups) < 2 {
		return []Shard{{name + ".safetensors", tensors, metadata}}, nil, nil
	}
	shardOf := map[string]string{}
	for i, group := range groups {
		file := fmt.Sprintf("%s-%05d-of-%05d.safetensors", name, i+1, len(groups))
		shards = append(shards, Shard{file, group, metadata})
		for _, t := range group {
			shardOf[t.Name] = file
		}
	}
	index, err = json.MarshalIndent(struct {
		Metadata  map[string]int64  `json:"metadata"`
		WeightMap map[string]string `json:"weight_map"`
	}{map[string]int64{"total_size": total}, shardOf}, "", "  ")
	return shards, append(index, '\n'), err
}

// IndexName is the name of the index beside the shards.
func (c Conversion) IndexName() string { return cmp.Or(c.Name, "model") + ".safetensors.index.json" }

// layout returns the tensors in the order of the file.
func (c Conversion) layout(s *Set) ([]stacked, error) {
	var tensors []stacked
	if err := s.usable(s.Names()); err != nil {
		return nil, err
	}
	for _, name := range s.Names() {
		shape, _ := s.Shape(name)
		t := stacked{Tensor{Name: name, DType: s.DType(name), Shape: shape}, s.parts[name]}
		if c.DType != "" && !slices.ContainsFunc(t.parts, func(p Tensor) bool { return !isFloat(p.DType) }) {
			t.DType = c.DType
		}
		if t.DType == "F64" && slices.ContainsFunc(t.parts, func(p Tensor) bool { return p.rows != nil }) {
			t.DType = "F32" // in which the factors are multiplied
		}
		if t.DType == "" {
			return nil, fmt.Errorf("%s: %w: the parts of tensor %q are of several types", s.path, ErrMismatch, name)
		}
		if _, err := t.size(); err != nil {
			return nil, fmt.Errorf("%s: tensor %q: %w", s.path, name, err)
		}
		tensors = append(tensors, t)
	}
	slices.SortStableFunc(tensors, func(a, b stacked) int { return cmp.Compare(sizes[b.DType], sizes[a.DType]) })
	return tensors, nil
}

// group cuts the tensors into files, and returns the bytes of all.
func (c Conversion) group(tensors []stacked) (groups [][]stacked, total int64) {
	size := int64(0) // of the last group
	for _, t := range tensors {
		n, _ := t.size() // layout has looked
		if len(groups) == 0 || c.MaxShard > 0 && size > 0 && size+int64(n) > c.MaxShard {
			groups, size = append(groups, nil), 0
		}
		last := len(groups) - 1
		groups[last] = append(groups[last], t)
		size += int64(n)
		total += int64(n)
	}
	return groups, total
}

// Size returns how many tensors the file will have, and their elements and bytes.
func (s Shard) Size() (tensors int, elements, bytes int64) {
	for _, t := range s.tensors {
		n, _ := t.size()
		bytes += int64(n)
		elements += int64(n / sizes[t.DType])
	}
	return len(s.tensors), elements, bytes
}

// Write writes the file, holding a few megabytes at a time. Floats are rounded to the nearest number of their new type,
// halves to even, an F64 by way of F32; what is below half of its smallest number becomes zero. A finite number that
// would become infinite is an error that names it and wraps ErrRange.
func (s Shard) Write(ctx context.Context, w io.Writer) error {
	var layout []Tensor
	for _, t := range s.tensors {
		layout = append(layout, t.Tensor)
	}
	out, err := NewWriter(w, layout, s.metadata)
	if err != nil {
		return err
	}
	for _, t := range s.tensors {
		for _, part := range t.parts {
			if err := part.writeAs(ctx, out, t.DType); err != nil {
				return err
			}
		}
	}
	return out.Close()
}

// writeAs writes the elements of a tensor as those of another type.
func (t Tensor) writeAs(ctx context.Context, w io.Writer, d DType) error {
	const chunk = 1 << 20 // elements
	element := sizes[t.DType]
	var floats []float32
	var buf []byte
	for at := 0; at < t.count(); at += chunk {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := t.read(func(data []byte) error {
			from := data[at*element : min(at+chunk, t.count())*element]
			if t.DType != d || t.rows != nil {
				floats = slices.Grow(floats[:0], len(from)/element)[:len(from)/element]
				fillFloat32s(floats, t.DType, from)
				multiply(t, at, floats)
				var bad int
				if buf, bad = appendAs(buf[:0], d, floats); bad >= 0 {
					return fmt.Errorf("%s: %w: tensor %q: element %d is %g, the largest number of %s is %g",
						t.src.name, ErrRange, t.Name, at+bad, floats[bad], d, largest[d])
				}
				from = buf
			}
			_, err := w.Write(from)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// largest is the largest number of a type.
var largest = map[DType]float64{"F16": 65504, "BF16": 0x1.fep127}

// appendAs appends data as numbers of F32, F16 or BF16. It returns the index of the first finite one that would be
// infinite, or -1.
func appendAs(b []byte, d DType, data []float32) (_ []byte, bad int) {
	for i, v := range data {
		if d == "F32" {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
			continue
		}
		h, infinite := toHalf(v), uint16(0x7c00)
		if d == "BF16" {
			h, infinite = toBrain(v), 0x7f80
		}
		if v-v == 0 && h&infinite == infinite {
			return b, i
		}
		b = binary.LittleEndian.AppendUint16(b, h)
	}
	return b, -1
}

func isFloat(d DType) bool { return d == "F64" || d == "F32" || d == "F16" || d == "BF16" }
