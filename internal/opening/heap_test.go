package opening

import (
	"runtime"
	"runtime/metrics"
	"testing"
	"time"
)

// TestGrowth: the smallest heaps may grow by 32 MB, small ones double, large ones grow by a tenth, and between them by
// 256 MB.
func TestGrowth(t *testing.T) {
	for heap, want := range map[uint64]int{0: 800, 10 << 20: 320, 32 << 20: 100, 256 << 20: 100, 512 << 20: 50,
		2560 << 20: 10, 6 << 30: 10} {
		if got := growth(heap); got != want {
			t.Errorf("%d MB: got %d, want %d", heap>>20, got, want)
		}
	}
}

// TestKeepSpare: a heap that has grown is held to its growth after the next collection, and again when it has shrunk.
func TestKeepSpare(t *testing.T) {
	keepSpare()
	percent := func(want int) {
		t.Helper()
		for range 100 { // the finalizer runs beside
			runtime.GC()
			now := []metrics.Sample{{Name: "/gc/gogc:percent"}}
			metrics.Read(now)
			if now[0].Value.Uint64() == uint64(want) {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("the heap does not come to %d per cent", want)
	}
	percent(mostGC)
	large := make([]byte, 3<<30) // never touched: it takes no memory
	percent(leastGC)
	runtime.KeepAlive(large)
	large = nil
	percent(mostGC)
}
