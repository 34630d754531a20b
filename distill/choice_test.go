package distill

import "testing"

func TestChoiceString(t *testing.T) {
	c := Choice{"stop", 30, "accuracy", []Candidate{{0, nil}, {25, nil}, {30, nil}}}
	if got, want := c.String(), "stop 30, chosen automatically among 0, 25, 30 by the accuracy"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
