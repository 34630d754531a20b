package weights

import (
	"context"
	"os"
	"strings"
)

// Contents is what a file of weights holds, for people and programs to look at.
type Contents struct {
	Metadata map[string]string `json:"metadata"`
	Parts    []Section         `json:"parts,omitempty"` // of a checkpoint with several sets of weights
	Notes    []string          `json:"notes,omitempty"` // how the file was read
	Tensors  []TensorLine      `json:"tensors"`         // of the part that is taken

	PartsAlone bool `json:"-"` // none of the parts is taken, for the reason in Notes
	Numbers    int  `json:"-"` // in all tensors that can be read
}

// TensorLine is one tensor of [Contents].
type TensorLine struct {
	Name  string `json:"name"`
	DType DType  `json:"dtype"`
	Shape []int  `json:"shape"`
	Fault string `json:"fault,omitempty"` // why it cannot be read
}

// Inspect lists what is in a weights file, as [Open] takes it, whose content is held against its record. Of a
// checkpoint of which no part is taken it lists the parts.
func Inspect(ctx context.Context, path string) (*Contents, error) {
	f, err := Open(path)
	if _, missing := os.Stat(path); err != nil && missing != nil && !strings.Contains(path, "#") {
		err = missing
	}
	if parts := Choices(err); len(parts) > 0 && !strings.Contains(path, "#") {
		return &Contents{Parts: parts, Notes: []string{err.Error()}, Tensors: []TensorLine{}, PartsAlone: true}, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := f.CheckRecord(ctx); err != nil {
		return nil, err
	}
	c := &Contents{Metadata: f.Metadata(), Parts: f.Sections(), Notes: f.Notes(), Tensors: []TensorLine{}}
	for _, name := range f.Names() {
		t, err := f.Tensor(name)
		if err != nil {
			return nil, err
		}
		line := TensorLine{name, t.DType, append([]int{}, t.Shape...), t.Fault()}
		c.Tensors = append(c.Tensors, line)
		if line.Fault != "" {
			continue
		}
		n := 1
		for _, d := range t.Shape {
			n *= d
		}
		c.Numbers += n
	}
	return c, nil
}
