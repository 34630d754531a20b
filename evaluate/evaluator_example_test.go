package evaluate_test

import (
	"bytes"
	"context"
	"fmt"

	"mgd3/dataset"
	"mgd3/engine"
	"mgd3/evaluate"
)

// shades are n grey images of 8 pixels for each of two classes: dark ones and light ones.
func shades(n int) *dataset.Set {
	var classes []dataset.Class
	for _, name := range []string{"dark", "light"} {
		class := dataset.Class{Name: name}
		for i := range n {
			class.Images = append(class.Images, dataset.Ref{Class: name, Name: fmt.Sprintf("%d.png", i)})
		}
		classes = append(classes, class)
	}
	return dataset.FromFunc("shades", classes, func(ref dataset.Ref) ([]byte, error) {
		grey := 20 + 10*(ref.Name[0]-'0')
		if ref.Class == "light" {
			grey += 150
		}
		var file bytes.Buffer
		err := dataset.WritePNG(&file, &dataset.RGB{W: 8, H: 8, Pix: bytes.Repeat([]byte{grey}, 3*8*8)})
		return file.Bytes(), err
	})
}

// Train a network on one set, and test it on another.
func ExampleEvaluator() {
	e, err := engine.Open("cpu")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer e.Close()
	train, test := shades(2), shades(5)
	evaluator := evaluate.Evaluator{Engine: e, Test: test}

	judge := evaluate.Judge{Net: "convnet1", Protocol: "quick", Changes: []string{"epochs=40", "cutmix=0"}}
	protocol, err := judge.For(evaluate.FactsOf(train, judge.Net, 8))
	if err != nil {
		fmt.Println(err)
		return
	}
	run, err := evaluator.Run(context.Background(), judge.Net, protocol, evaluate.TrainSet{Images: train})
	if err != nil {
		fmt.Println(err)
		return
	}
	score, err := run.Do(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("trained on", score.Images, "images")
	fmt.Println("better than guessing:", score.Last > 0.5)
	// Output:
	// trained on 4 images
	// better than guessing: true
}
