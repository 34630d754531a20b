package rng_test

import (
	"fmt"

	"mgd3/rng"
)

func ExampleStream() {
	// The noise of step 12 of the fourth cat, drawn before or after any other, here or elsewhere.
	z := make([]float32, 2)
	rng.Normals(rng.Stream(0, "noise", rng.Hash("cat"), 3, 12), z)
	again := make([]float32, 2)
	rng.Normals(rng.Stream(0, "noise", rng.Hash("cat"), 3, 12), again)
	fmt.Println(z[0] == again[0] && z[1] == again[1])
	// Output: true
}
