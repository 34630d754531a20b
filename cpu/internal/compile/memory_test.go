package compile

import (
	"math/rand/v2"
	"testing"

	"mgd3/cpu/internal/memory"
)

// TestPack: what is in use at the same time does not overlap, and the whole is no larger than all together, nor smaller
// than what is in use at any time.
func TestPack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var spans []*span
		sum, most := 0, 0
		ops := 1 + r.IntN(40)
		for range r.IntN(60) {
			begin := r.IntN(ops)
			s := &span{size: 1 + r.IntN(1000), begin: begin, end: begin + r.IntN(ops-begin)}
			spans = append(spans, s)
			sum += (s.size + memory.Align - 1) / memory.Align * memory.Align
		}
		for i := range ops {
			now := 0
			for _, s := range spans {
				if s.begin <= i && i <= s.end {
					now += s.size
				}
			}
			most = max(most, now)
		}
		total := pack(spans)
		if total < most || total > sum {
			t.Errorf("packed in %d bytes, want between %d and %d", total, most, sum)
		}
		for i, a := range spans {
			if a.offset%memory.Align != 0 || a.offset+a.size > total {
				t.Errorf("span of %d bytes at %d of %d", a.size, a.offset, total)
			}
			for _, b := range spans[:i] {
				if a.begin <= b.end && b.begin <= a.end && a.offset < b.offset+b.size && b.offset < a.offset+a.size {
					t.Errorf("%+v and %+v overlap", *a, *b)
				}
			}
		}
	}
}

// TestPackKnown: a chain of equal values needs two places.
func TestPackKnown(t *testing.T) {
	var spans []*span
	for i := range 10 {
		spans = append(spans, &span{size: 640, begin: i, end: i + 1})
	}
	if got := pack(spans); got != 1280 {
		t.Errorf("got %d bytes, want 1280", got)
	}
}
