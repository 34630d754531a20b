package evaluate

import (
	"slices"

	"mgd3/stage/cost"
)

// Score is what a run came to.
type Score struct {
	Net      string   `json:"net"`
	Protocol Protocol `json:"protocol"`
	Seed     uint64   `json:"seed"`
	Classes  []string `json:"classes"`
	Images   int      `json:"images"` // trained on

	Teacher *TeacherFacts `json:"teacher,omitempty"` // of soft labels

	Last      float64 `json:"last"`       // accuracy on the test data after the last epoch, 0 to 1
	Best      float64 `json:"best"`       // the best of all validated epochs: selects on test data
	BestEpoch int     `json:"best_epoch"` // the first that reached it

	// accuracy of each class after the last epoch; 0 of a class without test images, see Tested
	PerClass []float64 `json:"per_class"`
	// test images by their class and the class they were taken for, after the last epoch
	Confusion    [][]int   `json:"confusion"`
	BestPerClass []float64 `json:"best_per_class"` // the same after BestEpoch
	BestConfused [][]int   `json:"best_confusion"`

	Curve   []Point `json:"curve"`
	Steps   int     `json:"steps"`
	Weights string  `json:"weights"` // SHA-256 of the trained net
	cost.Cost
}

// Value returns the accuracy that the protocol publishes.
func (s *Score) Value() float64 {
	if s.Protocol.Publish == Best {
		return s.Best
	}
	return s.Last
}

// Confused returns the confusion matrix and the accuracies of the classes that belong to Value.
func (s *Score) Confused() (confusion [][]int, perClass []float64) {
	if s.Protocol.Publish == Best {
		return s.BestConfused, s.BestPerClass
	}
	return s.Confusion, s.PerClass
}

// Tested reports whether a class has test images.
func (s *Score) Tested(class int) bool {
	return slices.ContainsFunc(s.Confusion[class], func(n int) bool { return n > 0 })
}

// Point is one epoch on the way.
type Point struct {
	Epoch int      `json:"epoch"`          // from 1
	Loss  float64  `json:"loss"`           // mean over the epoch, of the images as they were trained on
	Train float64  `json:"train"`          // accuracy on these, of the label that has the larger part
	Test  *float64 `json:"test,omitempty"` // accuracy on the test data; nil where the epoch was not validated
}

// tested takes the result of a validation in.
func (s *Score) tested(epoch int, confusion [][]int) float64 {
	hits, all := 0, 0
	perClass := make([]float64, len(confusion))
	for class, row := range confusion {
		n := 0
		for _, count := range row {
			n += count
		}
		if n > 0 { // else there is no accuracy, and no number that JSON could hold
			perClass[class] = float64(row[class]) / float64(n)
		}
		hits, all = hits+row[class], all+n
	}
	s.Last, s.PerClass, s.Confusion = float64(hits)/float64(all), perClass, confusion
	if s.BestEpoch == 0 || s.Last > s.Best {
		s.Best, s.BestEpoch, s.BestPerClass, s.BestConfused = s.Last, epoch, perClass, confusion
	}
	return s.Last
}
