package golden

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"mgd3/weights"
)

// Formula is case.json's "formula_weights": weights that need no file. Element i of the tensor
// with index k begins as seed·2⁴⁸ + k·2³² + i + 1, is hashed (splitmix64), and the top 24 bits of
// the result, u in [0, 1), give offset + (2u − 1)·bound.
type Formula struct {
	Seed    uint64
	Tensors []FormulaTensor
	Check   map[string][]float32 `json:"check_first_values"`
}

// FormulaTensor is one tensor of a [Formula].
type FormulaTensor struct {
	Index         uint64
	Name          string
	Shape         []int
	Offset, Bound float64
}

// Values returns the tensor's elements.
func (f Formula) Values(t testing.TB, tensor FormulaTensor) []float32 {
	t.Helper()
	n := 1
	for _, d := range tensor.Shape {
		n *= d
	}
	data := make([]float32, n)
	for i := range data {
		z := (f.Seed<<48 + tensor.Index<<32 + uint64(i) + 1) * 0x9E3779B97F4A7C15
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		z ^= z >> 31
		u := float64(z>>40) / (1 << 24)
		data[i] = float32(tensor.Offset + (2*u-1)*tensor.Bound)
	}
	if first := f.Check[tensor.Name]; !slices.Equal(data[:min(len(first), n)], first) {
		t.Fatalf("golden: %s begins with %v, want %v", tensor.Name, data[:min(len(first), n)], first)
	}
	return data
}

// FormulaFile writes the case's formula weights, and more, into a file of safetensors that is gone
// when the test ends, and returns its path.
func (c Case) FormulaFile(t testing.TB, more ...weights.Tensor) string {
	t.Helper()
	var settings struct {
		Formula Formula `json:"formula_weights"`
	}
	c.Decode(t, &settings)
	list := slices.Clone(more)
	for _, tensor := range settings.Formula.Tensors {
		list = append(list, weights.F32(tensor.Name, tensor.Shape, settings.Formula.Values(t, tensor)))
	}
	path := filepath.Join(t.TempDir(), "formula.safetensors")
	out, err := os.Create(path)
	if err == nil {
		err = write(out, list)
	}
	if err != nil {
		t.Fatalf("golden: %v", err)
	}
	return path
}

func write(out io.WriteCloser, list []weights.Tensor) error {
	err := weights.Write(out, list, nil)
	if e := out.Close(); err == nil {
		err = e
	}
	return err
}
