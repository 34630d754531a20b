package memory

import "testing"

// TestLetGo: a piece that makes room for a larger one is given back to the system at once, as are those that are
// dropped: what is read there afterwards is zero.
func TestLetGo(t *testing.T) {
	var a Arenas
	first := a.Take(1 << 20)
	for i := range first {
		first[i] = 1
	}
	a.Give(first)
	second := a.Take(2 << 20)
	if middle := first[len(first)/2]; middle != 0 {
		t.Errorf("a byte of the piece that made room is %d still, want 0", middle)
	}
	for i := range second {
		second[i] = 1
	}
	if first[0] = 3; second[len(second)/2] != 1 {
		t.Error("a piece that is in use was given back")
	}
	a.Give(second)
	a.Drop()
	if middle := second[len(second)/2]; middle != 0 {
		t.Errorf("a byte of the piece that was dropped is %d still, want 0", middle)
	}
}
