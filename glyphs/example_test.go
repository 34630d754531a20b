package glyphs_test

import (
	"fmt"

	"mgd3/dataset"
	"mgd3/glyphs"
)

func ExampleOpen() {
	set, err := glyphs.Open("train", glyphs.Options{PerClass: 100})
	if err != nil {
		panic(err)
	}
	data, err := set.Read(set.Classes[0].Images[0])
	if err != nil {
		panic(err)
	}
	im, err := dataset.Decode(data)
	fmt.Println(set.ClassNames(), len(set.Classes[0].Images), im.W, im.H, err)
	// Output: [A B C D E F G H I J] 100 32 32 <nil>
}
