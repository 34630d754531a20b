package weights_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mgd3/internal/fixtures/pytorch"
	"mgd3/weights"
)

// Read a .pt file of PyTorch: the names and shapes of what is in it, and the numbers of the tensors that a model
// wants. Nothing in the file is executed.
func ExampleOpen_pytorch() {
	dir, err := os.MkdirTemp("", "weights")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.pt")
	// As torch.save({"linear.weight": torch.tensor([[1., 2.], [3., 4.]]), "linear.bias": torch.zeros(2)}, path) would.
	err = pytorch.WriteTorch(path, []weights.Tensor{
		weights.F32("linear.weight", []int{2, 2}, []float32{1, 2, 3, 4}),
		weights.F32("linear.bias", []int{2}, []float32{0, 0}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	f, err := weights.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	for _, name := range f.Names() {
		t, err := f.Tensor(name)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(name, t.DType, t.Shape)
	}
	// what the model has: a tensor too many in the file is an error, too
	all, err := weights.AsIs(f).Load([]weights.Spec{
		{Name: "linear.weight", Shape: []int{2, 2}},
		{Name: "linear.bias", Shape: []int{2}},
	})
	fmt.Println(all["linear.weight"], err)
	// Output:
	// linear.bias F32 [2]
	// linear.weight F32 [2 2]
	// [1 2 3 4] <nil>
}

// Write tensors as safetensors, and read them into a model that says what it wants.
func Example() {
	dir, err := os.MkdirTemp("", "weights")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.safetensors")

	out, err := os.Create(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = weights.Write(out, []weights.Tensor{weights.F32("linear.weight", []int{2, 2}, []float32{1, 2, 3, 4})},
		map[string]string{"format": "pt"})
	if err := errors.Join(err, out.Close()); err != nil {
		fmt.Println(err)
		return
	}

	f, err := weights.Open(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	all, err := weights.AsIs(f).Load([]weights.Spec{{Name: "linear.weight", Shape: []int{2, 2}}})
	fmt.Println(all, err)
	_, err = weights.AsIs(f).Load([]weights.Spec{
		{Name: "linear.weight", Shape: []int{2, 2}},
		{Name: "linear.bias", Shape: []int{2}},
	})
	fmt.Println(strings.ReplaceAll(err.Error(), path, "model.safetensors"))
	// Output:
	// map[linear.weight:[1 2 3 4]] <nil>
	// model.safetensors: weights do not fit the model: tensor "linear.bias" is missing, want shape [2]
}
