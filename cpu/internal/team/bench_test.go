package team

import (
	"testing"
	"time"
)

// BenchmarkFor is a loop of parts that take 20 µs each: on n workers it takes parts/n times that, and what the
// handing out costs.
func BenchmarkFor(b *testing.B) {
	work := func(int, int) {
		for start := time.Now(); time.Since(start) < 20*time.Microsecond; {
		}
	}
	for _, size := range []int{1, 2} {
		b.Run(map[int]string{1: "one", 2: "two"}[size], func(b *testing.B) {
			t := New(size)
			defer t.Close()
			for b.Loop() {
				t.For(8, work)
			}
		})
	}
}
