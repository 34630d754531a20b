package evaluate_test

import (
	"fmt"

	"mgd3/evaluate"
)

// A protocol is a value, and what is changed in it is in its name.
func ExamplePreset() {
	facts := evaluate.Facts{IPC: 10, Classes: 10, Images: 100, Size: 256, Net: "resnetap10"}
	p, err := evaluate.Preset("hard", facts)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Name, p.Epochs, p.Schedule.Milestones, p.Publish)

	p, err = p.With("epochs=50", "flip=false")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Name, p.Epochs, p.Schedule.Milestones, p.Augment.Flip)
	// Output:
	// hard 2000 [1333 1666] best
	// hard (epochs=50, flip=false) 50 [33 41] 0
}
