package stage

import (
	"fmt"
	"testing"
)

func TestParseShard(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Shard
		ok   bool
	}{
		{"0/1", Whole, true},
		{"2/3", Shard{2, 3}, true},
		{"3/3", Shard{}, false},
		{"-1/3", Shard{}, false},
		{"0/0", Shard{}, false},
		{"0", Shard{}, false},
		{"", Shard{}, false},
		{"0/1/2", Shard{}, false},
		{"a/b", Shard{}, false},
	} {
		got, err := ParseShard(c.in)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("%q: got %v, %v, want %v, ok %v", c.in, got, err, c.want, c.ok)
		}
	}
}

// TestSpansCoverEverythingOnce is the law of shards: together they are the whole, in order; where there
// are enough classes no class is cut, and no shard has more than one class, or one image, above another.
func TestSpansCoverEverythingOnce(t *testing.T) {
	for _, c := range []struct{ classes, ipc, shards int }{
		{1, 1, 1}, {10, 10, 1}, {10, 10, 3}, {10, 10, 10}, {10, 10, 11}, {3, 7, 5}, {1, 5, 8}, {1000, 50, 7},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			next, least, most := 0, c.classes*c.ipc, 0
			for i := range c.shards {
				n := 0
				for _, sp := range (Shard{i, c.shards}).Spans(c.classes, c.ipc) {
					if sp.Class*c.ipc+sp.Lo != next || sp.Lo >= sp.Hi || sp.Hi > c.ipc {
						t.Fatalf("shard %d begins %v at image %d", i, sp, next)
					}
					if c.classes >= c.shards && sp.Hi-sp.Lo != c.ipc {
						t.Errorf("shard %d cuts class %d: %v", i, sp.Class, sp)
					}
					next += sp.Hi - sp.Lo
					n += sp.Hi - sp.Lo
				}
				least, most = min(least, n), max(most, n)
			}
			if next != c.classes*c.ipc {
				t.Errorf("the shards have %d images, want %d", next, c.classes*c.ipc)
			}
			unit := 1
			if c.classes >= c.shards {
				unit = c.ipc
			}
			if most-least > unit {
				t.Errorf("a shard has %d images, another %d: want at most %d apart", most, least, unit)
			}
		})
	}
}

// TestShardsOverlap: two shards overlap where one image is of both.
func TestShardsOverlap(t *testing.T) {
	const all = 4 * 5 * 6 // images, which every count below divides
	for _, n := range []int{1, 2, 3, 4, 5, 6} {
		for _, m := range []int{1, 2, 3, 4, 5, 6} {
			for i := range n {
				for j := range m {
					a, b := Shard{i, n}, Shard{j, m}
					loA, hiA := a.part(all)
					loB, hiB := b.part(all)
					if want := max(loA, loB) < min(hiA, hiB); a.overlaps(b) != want {
						t.Errorf("%v and %v: got %v, want %v", a, b, !want, want)
					}
				}
			}
		}
	}
}
