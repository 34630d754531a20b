package opening

import "testing"

// TestGrowth: small heaps may double, large ones grow by a tenth, and between them by 256 MB.
func TestGrowth(t *testing.T) {
	for heap, want := range map[uint64]int{0: 100, 10 << 20: 100, 256 << 20: 100, 512 << 20: 50, 2560 << 20: 10,
		6 << 30: 10} {
		if got := growth(heap); got != want {
			t.Errorf("%d MB: got %d, want %d", heap>>20, got, want)
		}
	}
}
