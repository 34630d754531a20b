package dataset

import (
	"slices"
	"strings"
	"testing"
)

// TestDuplicateNotes: a line for each set with an image in several classes, and for each with images of the last one,
// which is none of its own.
func TestDuplicateNotes(t *testing.T) {
	one := setOf(t, map[string]string{"a/0.png": "one", "b/0.png": "one", "b/1.png": "six"})
	two := setOf(t, map[string]string{"a/0.png": "two", "b/0.png": "ten"})
	test := setOf(t, map[string]string{"a/7.png": "six", "b/7.png": "ten", "b/8.png": "else"})
	all := []Labelled{{"one", one}, {"two", two}}
	for _, c := range []struct {
		name  string
		sets  []Labelled
		last  *Labelled
		wants []string // of each line, what it has, with commas
	}{
		{"alone", all, nil, []string{`"one":`}},
		{"beside a test set", all, &Labelled{"test", test}, []string{
			`"one":`, `"one": 1 of its images are among those to test on`, `"two": 1 of its images are among those`}},
		{"one without any", all[1:], nil, nil},
		{"none", nil, &Labelled{"test", test}, nil},
	} {
		lines, err := DuplicateNotes(t.Context(), c.sets, c.last, "among those to test on")
		if err != nil || len(lines) != len(c.wants) {
			t.Errorf("%s: got %q, %v, want %d lines", c.name, lines, err, len(c.wants))
			continue
		}
		for i, want := range c.wants {
			if !strings.HasPrefix(lines[i], want) {
				t.Errorf("%s: line %d is %q, want it to begin with %q", c.name, i, lines[i], want)
			}
		}
	}
	if len(all) != 2 || !slices.Equal([]string{all[0].Name, all[1].Name}, []string{"one", "two"}) {
		t.Errorf("the list of sets became %v", all)
	}
}
