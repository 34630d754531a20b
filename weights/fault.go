package weights

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A tensor that cannot be read (complex, sparse, quantised, without elements) does not keep the others of its file from
// being read. It has a fault, which is the error of whatever needs its elements.

// makesTensors matches PyTorch's functions that make tensors and the classes of those without elements.
var makesTensors = regexp.MustCompile(`^torch\.(_utils|_tensor)\._rebuild_|^torch\.nn\.parameter\.Uninitialized`)

// kinds say what the functions make that we do not read, by a part of their names.
var kinds = []struct{ part, what string }{
	{"_sparse_", "it is sparse, want a dense tensor (to_dense())"},
	{"_qtensor", "it is quantised, want a plain tensor (dequantize())"},
	{"_meta_tensor", "it is on the device meta, which keeps no elements, want one that was loaded"},
	{"_from_numpy", "its elements are an array of NumPy, want a tensor on the CPU (cpu())"},
	{"_nested_", "it is nested, want a plain tensor"},
	{"_wrapper_subclass", "it is of a class whose elements are not in it, want a plain tensor"},
	{"Uninitialized", "it was never initialized and has no elements"},
	{numpyArray, "it is an array of NumPy, want a tensor (torch.from_numpy())"},
}

// fault says why the tensor cannot be read.
func (o *instance) fault() string {
	for _, k := range kinds {
		if strings.Contains(o.class, k.part) {
			return fmt.Sprintf("%s; %.100q made it", k.what, o.class)
		}
	}
	return fmt.Sprintf("it is made by %.100q, which is not known; want a plain tensor", o.class)
}

// fault says why the tensor cannot be read, "" if it can.
func (s *strided) fault() string {
	if s.dtype != "" {
		return ""
	}
	kind := ""
	if strings.Contains(strings.ToLower(s.class), "complex") {
		kind = "complex, "
	}
	return fmt.Sprintf("its elements are %sof %.100q, want floats, whole numbers or booleans", kind, s.class)
}

// Fault says why the tensor cannot be read, "" if it can. Its DType is "" then, and its Shape nil if it is not known.
func (t Tensor) Fault() string { return t.fault }

// usable is an error if the tensor cannot be read.
func (t Tensor) usable() error {
	if t.fault == "" {
		return nil
	}
	return fmt.Errorf("%s: tensor %q %w: %s", t.src.name, t.Name, ErrUnreadable, t.fault)
}

// usable is an error if one of the named tensors cannot be read.
func (s *Set) usable(names []string) error {
	for _, name := range names {
		for _, t := range s.parts[name] {
			if err := t.usable(); err != nil {
				return err
			}
		}
	}
	return nil
}

// faulty says which tensors cannot be read; it is an error if none can.
func faulty(tensors []Tensor) (note string, err error) {
	bad := slices.DeleteFunc(slices.Clone(tensors), func(t Tensor) bool { return t.fault == "" })
	if len(bad) == 0 {
		return "", nil
	}
	first := fmt.Sprintf("tensor %.100q: %s", bad[0].Name, bad[0].fault)
	if len(tensors) == 1 {
		return "", fmt.Errorf("its only %s", first)
	}
	if len(bad) == len(tensors) {
		return "", fmt.Errorf("none of its %d tensors can be read: %s", len(bad), first)
	}
	return fmt.Sprintf("%d of %d tensors cannot be read, and are refused where they are needed: %s", len(bad),
		len(tensors), first), nil
}
