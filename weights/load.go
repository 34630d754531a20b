package weights

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Set is a model's tensors under the names our graphs use. It holds views into a File and
// must not outlive it. Each tensor is converted when it is asked for, so that a model is in
// memory once.
type Set struct {
	path  string
	parts map[string][]Tensor // under our name: what to stack along the first axis
}

// AsIs returns the tensors of f under the names they have there.
func AsIs(f *File) *Set {
	s := &Set{f.path, map[string][]Tensor{}}
	for name, t := range f.tensors {
		s.parts[name] = []Tensor{t}
	}
	return s
}

// Names returns our names of all tensors, sorted.
func (s *Set) Names() []string { return slices.Sorted(maps.Keys(s.parts)) }

// Shape returns the shape of a tensor, or nil and false if there is none of that name.
func (s *Set) Shape(name string) ([]int, bool) {
	parts, ok := s.parts[name]
	if !ok {
		return nil, false
	}
	shape := slices.Clone(parts[0].Shape)
	for _, p := range parts[1:] {
		shape[0] += p.Shape[0]
	}
	return shape, true
}

// Without returns the set without a tensor.
func (s *Set) Without(name string) *Set {
	rest := &Set{s.path, maps.Clone(s.parts)}
	delete(rest.parts, name)
	return rest
}

// DType returns the type of a tensor's elements in the file, or "" if there is no such tensor or its parts differ.
func (s *Set) DType(name string) DType {
	parts := s.parts[name]
	if len(parts) == 0 || slices.ContainsFunc(parts, func(p Tensor) bool { return p.DType != parts[0].DType }) {
		return ""
	}
	return parts[0].DType
}

// Float32s returns the elements of a tensor in a fresh slice.
func (s *Set) Float32s(name string) ([]float32, error) {
	parts, ok := s.parts[name]
	if !ok {
		return nil, fmt.Errorf("%s: has no tensor %q", s.path, name)
	}
	return convert(fillFloat32s, "a float type", parts...)
}

// Spec is one tensor that a model needs.
type Spec struct {
	Name     string
	Shape    []int
	Optional bool // may be absent
}

// Each calls use with the elements of every tensor in want, one at a time and in that order;
// an optional tensor that is absent is passed over. The slice is use's to keep.
//
// A missing, superfluous or misshapen tensor is an error before the first call; a NaN or an
// infinity is an error in place of its tensor's call. Errors name every such tensor (up to
// maxNamed), what was expected of it, and the file, and wrap ErrMismatch; an error of use is
// returned as it is.
func (s *Set) Each(want []Spec, use func(Spec, []float32) error) error {
	if err := s.check(want); err != nil {
		return err
	}
	var faults []string
	for _, w := range want {
		if s.parts[w.Name] == nil {
			continue
		}
		data, err := s.Float32s(w.Name)
		if err != nil {
			return err
		}
		if i := firstNotFinite(data); i >= 0 {
			faults = append(faults, fmt.Sprintf("tensor %s: element %d is %v, want a finite number", s.named(w.Name), i,
				data[i]))
			continue
		}
		if err := use(w, data); err != nil {
			return err
		}
	}
	return s.mismatch(faults)
}

// Load returns the elements of every tensor in want by name; see Each for what is an error.
func (s *Set) Load(want []Spec) (map[string][]float32, error) {
	all := map[string][]float32{}
	err := s.Each(want, func(w Spec, data []float32) error {
		all[w.Name] = data
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// check holds the names and shapes of the set against want.
func (s *Set) check(want []Spec) error {
	var faults []string
	wanted := map[string]bool{}
	for _, w := range want {
		wanted[w.Name] = true
		if err := s.usable([]string{w.Name}); err != nil {
			return err
		}
		shape, ok := s.Shape(w.Name)
		switch {
		case !ok && !w.Optional:
			faults = append(faults, fmt.Sprintf("tensor %q is missing, want shape %v", w.Name, w.Shape))
		case ok && !slices.Equal(shape, w.Shape):
			faults = append(faults, fmt.Sprintf("tensor %s has shape %v, want %v", s.named(w.Name), shape, w.Shape))
		}
	}
	for _, name := range s.Names() {
		if !wanted[name] && s.usable([]string{name}) == nil { // of others the file's notes tell
			shape, _ := s.Shape(name)
			faults = append(faults, fmt.Sprintf("tensor %s, shape %v, is superfluous: the model has no such tensor",
				s.named(name), shape))
		}
	}
	return s.mismatch(faults)
}

// named returns a tensor's name for a message, with its name in the file where that differs.
func (s *Set) named(name string) string {
	if first := s.parts[name][0].Name; first != name {
		return fmt.Sprintf("%q (in the file %q)", name, first)
	}
	return fmt.Sprintf("%q", name)
}

// maxNamed is how many faults a message lists; a file of another model has hundreds.
const maxNamed = 10

// mismatch joins faults into one error, nil if there are none.
func (s *Set) mismatch(faults []string) error {
	if len(faults) == 0 {
		return nil
	}
	list := strings.Join(faults[:min(len(faults), maxNamed)], "; ")
	if more := len(faults) - maxNamed; more > 0 {
		list += fmt.Sprintf("; and %d more", more)
	}
	return fmt.Errorf("%s: %w: %s", s.path, ErrMismatch, list)
}

// firstNotFinite returns the index of the first NaN or infinity, or -1.
func firstNotFinite(data []float32) int {
	for i, v := range data {
		if v-v != 0 { // Inf − Inf and all that NaN enters are NaN
			return i
		}
	}
	return -1
}
