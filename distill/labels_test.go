package distill

import (
	"errors"
	"fmt"
	"testing"
)

func TestLabels(t *testing.T) {
	thousand, err := Labels([]string{"n01440764", "n15075141", "n03888257"}, nil, 1000)
	if err != nil || thousand[0] != 0 || thousand[1] != 999 || thousand[2] != 701 { // tench, toilet tissue, parachute
		t.Errorf("ImageNet: got %v, %v", thousand, err)
	}
	words := make([]string, 1000) // as a pipeline of ImageNet names its labels
	for i := range words {
		words[i] = fmt.Sprintf("thing %d, thing", i)
	}
	words[0], words[134], words[517], words[999] = "tench, Tinca tinca", "crane", "crane",
		"toilet tissue, toilet paper, bathroom tissue"
	for _, c := range []struct {
		name           string
		classes, names []string
		count          int
		want           []int32
	}{
		{"by name", []string{"owl", "cat"}, []string{"cat", "dog", "owl"}, 3, []int32{2, 0}},
		{"in order", []string{"x", "y"}, nil, 2, []int32{0, 1}},
		{"by one of several names", []string{"owl", "Felis catus"}, []string{"cat, Felis catus", "dog", "owl"}, 3,
			[]int32{2, 0}},
		{"by the whole name", []string{"cat, Felis catus", "owl"}, []string{"cat, Felis catus", "dog", "owl"}, 3,
			[]int32{0, 2}},
		{"by a name of two labels", []string{"pet"}, []string{"cat, pet", "dog, pet", "owl"}, 3, nil},
		{"ImageNet's words by ids", []string{"n01440764", "n15075141"}, words, 1000, []int32{0, 999}},
		{"ImageNet's words by words", []string{"Tinca tinca", "bathroom tissue"}, words, 1000, []int32{0, 999}},
		{"a word that two labels have whole", []string{"crane"}, words, 1000, []int32{134}},
		{"ids of words that are not ImageNet's", []string{"n01440764"}, append([]string{"carp"}, words[1:]...), 1000,
			nil},
		{"too few names", []string{"cat"}, []string{"cat"}, 3, nil},
		{"unknown class", []string{"yak"}, []string{"cat", "dog", "owl"}, 3, nil},
		{"another number", []string{"x"}, nil, 2, nil},
		{"not ImageNet", []string{"cat"}, nil, 1000, nil},
	} {
		got, err := Labels(c.classes, c.names, c.count)
		if c.want == nil {
			if !errors.Is(err, ErrLabels) {
				t.Errorf("%s: got %v, %v, want an ErrLabels", c.name, got, err)
			}
			continue
		}
		if err != nil || len(got) != len(c.want) || got[0] != c.want[0] || got[len(got)-1] != c.want[len(got)-1] {
			t.Errorf("%s: got %v, %v, want %v", c.name, got, err, c.want)
		}
	}
}

// TestDistance: three modes on a line, the latent between the first two.
func TestDistance(t *testing.T) {
	m := classModes{}
	m.Centres.Rows, m.Centres.Cols = 3, 2
	m.Centres.Data = []float32{0, 0, 3, 4, 6, 8}
	if got, want := m.distance([]float32{0, 0}, 0), (Distance{0, 7.5}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	m.Centres.Rows, m.Centres.Data = 1, m.Centres.Data[:2]
	if got, want := m.distance([]float32{3, 4}, 0), (Distance{5, 0}); got != want {
		t.Errorf("one mode: got %v, want %v", got, want)
	}
}
