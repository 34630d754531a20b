package encode

import (
	"testing"

	"mgd3/internal/fixtures/storetest"
)

// TestSeedDirOutage: a cache of which a store says nothing is not taken for one of another seed, whose latents would be
// made again.
func TestSeedDirOutage(t *testing.T) {
	s := storetest.New(t)
	cache := s.Path("cache")
	s.Refuse = "ExpiredToken"
	if got := SeedDir(cache, 2, false); got != cache {
		t.Errorf("got %q, want %q, where the outage is said", got, cache)
	}
}
