package memory

import "testing"

// TestArenas: a piece is used again by whoever it is large enough for, the smallest such first; one that is too small
// makes room for a larger one.
func TestArenas(t *testing.T) {
	var a Arenas
	small, large := a.Take(100), a.Take(1000)
	a.Give(large)
	a.Give(small)
	if got := a.Take(50); &got[0] != &small[0] {
		t.Errorf("50 bytes: got a piece of %d, want the smaller one", len(got))
	}
	if got := a.Take(50); &got[0] != &large[0] {
		t.Errorf("50 bytes more: got a piece of %d, want the larger one", len(got))
	}
	a.Give(small)
	a.Give(large)
	if got := a.Take(2000); len(got) < 2000 {
		t.Fatalf("2000 bytes: got %d", len(got))
	}
	if len(a.free) != 1 || len(a.free[0]) != len(small) {
		t.Errorf("%d pieces are left, want the smaller one alone", len(a.free))
	}
	if n := testing.AllocsPerRun(10, func() { a.Give(a.Take(10)) }); n != 0 {
		t.Errorf("a piece that is there costs %v allocations", n)
	}
	if got := a.Take(0); got == nil {
		t.Error("no bytes: got nil")
	}
}
