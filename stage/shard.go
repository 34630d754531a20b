package stage

import "fmt"

// Shard is part Index of Count of a run, 0 ≤ Index < Count. Parts are runs of images in the order of
// classes and images: whole classes where there are at least as many classes as parts.
type Shard struct{ Index, Count int }

// Whole is the shard that is everything.
var Whole = Shard{0, 1}

// ParseShard reads "i/n".
func ParseShard(s string) (Shard, error) {
	var sh Shard
	var rest string
	n, _ := fmt.Sscanf(s, "%d/%d%s", &sh.Index, &sh.Count, &rest)
	if n != 2 || sh.Count < 1 || sh.Index < 0 || sh.Index >= sh.Count {
		return Shard{}, fmt.Errorf("shard is %q, want i/n with 0 ≤ i < n", s)
	}
	return sh, nil
}

func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Index, s.Count) }

// part returns the range [lo, hi) of n things that belongs to the shard.
func (s Shard) part(n int) (lo, hi int) {
	at := func(i int) int { return int(int64(i) * int64(n) / int64(s.Count)) }
	return at(s.Index), at(s.Index + 1)
}

// overlaps reports whether two shards have a part of the whole in common.
func (s Shard) overlaps(o Shard) bool {
	return s.Index*o.Count < (o.Index+1)*s.Count && o.Index*s.Count < (s.Index+1)*o.Count
}

// Span is the images Lo to Hi-1 of a class.
type Span struct{ Class, Lo, Hi int }

// Spans returns what belongs to the shard of classes with each images each, in order.
func (s Shard) Spans(classes, each int) []Span {
	unit := 1
	if classes >= s.Count {
		unit = each
	}
	lo, hi := s.part(classes * each / unit)
	var spans []Span
	for lo, hi := lo*unit, hi*unit; lo < hi; {
		class := lo / each
		end := min(hi, (class+1)*each)
		spans = append(spans, Span{class, lo - class*each, end - class*each})
		lo = end
	}
	return spans
}
