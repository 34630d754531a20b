package memory

import (
	"testing"
	"unsafe"
)

func TestBytes(t *testing.T) { testBytes(t, Bytes, 2*hugePage) }

func TestCompact(t *testing.T) { testBytes(t, Compact, 32*hugePage) }

// testBytes tests bytes, whose pieces from so many bytes on begin at a large page.
func testBytes(t *testing.T, bytes func(int) []byte, large int) {
	for _, n := range []int{0, 1, 63, 64, 4096, large - 1, large, large + 12345} {
		b := bytes(n)
		if len(b) != n || cap(b) != n {
			t.Errorf("%d bytes: got length %d, capacity %d", n, len(b), cap(b))
		}
		want := uintptr(Align)
		if n >= large {
			want = hugePage
		}
		if at := uintptr(unsafe.Pointer(unsafe.SliceData(b))); at%want != 0 {
			t.Errorf("%d bytes: at %x, want a multiple of %d", n, at, want)
		}
		for i := range b {
			if b[i] != 0 {
				t.Fatalf("%d bytes: byte %d is %d, want 0", n, i, b[i])
			}
			b[i] = 1
		}
	}
	if f := Floats(5); len(f) != 5 {
		t.Errorf("got %d floats, want 5", len(f))
	}
}
