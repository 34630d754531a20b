package kernel

import "testing"

func TestLevels(t *testing.T) {
	was := Current()
	defer SetLevel(was)
	if l := Levels(); l[0] != Generic || l[len(l)-1] != was {
		t.Errorf("Levels() = %v at level %v: want generic first and the current one last", l, was)
	}
	seen := Level(-1)
	OnLevel(func(l Level) { seen = l })
	if seen != was {
		t.Errorf("a new hook got %v, want %v", seen, was)
	}
	for _, l := range Levels() {
		SetLevel(l)
		if seen != l || Current() != l {
			t.Errorf("after SetLevel(%v) the hook got %v, Current is %v", l, seen, Current())
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("SetLevel(99) did not panic")
		}
	}()
	SetLevel(99)
}
