package evaluate_test

import (
	"fmt"

	"mgd3/evaluate"
)

func ExampleNew() {
	net, err := evaluate.New("convnet3", 32, 10, evaluate.Instance)
	fmt.Printf("%+v %v\n", net, err)
	_, err = evaluate.New("alexnet", 32, 10, evaluate.NoNorm)
	fmt.Println(err)
	// Output:
	// {Depth:3 Width:128 Classes:10 Norm:instance} <nil>
	// evaluate: alexnet: images of 32 pixels are too small, want at least 63
}
