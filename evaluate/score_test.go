package evaluate

import (
	"encoding/json"
	"testing"
)

// TestScoreOfAClassWithoutImages: it has no accuracy, and the score can be written all the same.
func TestScoreOfAClassWithoutImages(t *testing.T) {
	s := &Score{Classes: []string{"cat", "owl"}}
	if got := s.tested(1, [][]int{{3, 1}, {0, 0}}); got != 0.75 {
		t.Errorf("accuracy %v, want 0.75", got)
	}
	if !s.Tested(0) || s.Tested(1) {
		t.Errorf("tested: %v, %v, want the first class alone", s.Tested(0), s.Tested(1))
	}
	if _, err := json.Marshal(s); err != nil {
		t.Error(err)
	}
}
