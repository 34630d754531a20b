package cpu_test

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"

	_ "mgd3/cpu" // registers the backend's name
)

// Run a GoMLX program on this backend: a dense layer with its activation, and the gradient of its mean by the weights.
func Example() {
	backend, err := compute.NewWithConfig("cpu:threads=2")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer backend.Finalize()
	layer := graph.MustNewExec(backend, func(x, w *graph.Node) []*graph.Node {
		y := graph.Dot(x, w).Product() // [3, 1]
		y = graph.Max(y, graph.ZerosLike(y))
		return []*graph.Node{y, graph.Gradient(graph.ReduceAllMean(y), w)[0]}
	})
	x := [][]float32{{1, 2}, {3, 4}, {-5, -6}}
	w := [][]float32{{1}, {0.5}}
	results, err := layer.Call(x, w)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(results[0].Value())
	fmt.Println(results[1].Value())
	// Output:
	// [[2] [5] [0]]
	// [[1.3333334] [2]]
}
