package evaluate

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestAhead: all come, in order, however long each takes; an error and the end of the loop stop it.
func TestAhead(t *testing.T) {
	count := func(yield func(int) bool) {
		for i := 0; i < 20 && yield(i); i++ {
		}
	}
	broken := errors.New("broken")
	slow := func(_ context.Context, i int) (int, error) {
		time.Sleep(time.Duration(20-i) * 10 * time.Microsecond)
		if i == 13 {
			return 0, broken
		}
		return i, nil
	}
	for width := 1; width < 5; width++ {
		next := 0
		for v, err := range ahead(t.Context(), count, width, slow) {
			if next < 13 && (v != next || err != nil) || next == 13 && !errors.Is(err, broken) {
				t.Fatalf("width %d: got %d, %v in place %d", width, v, err, next)
			}
			next++
		}
		if next != 14 {
			t.Errorf("width %d: %d results, want 13 and an error", width, next)
		}
	}
	for v := range ahead(t.Context(), count, 3, slow) {
		if v == 2 {
			break
		}
	}
}
