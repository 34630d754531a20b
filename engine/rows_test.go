package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
)

// TestEachFilled: every row comes once, and with fixed rows every call has the same number of them.
func TestEachFilled(t *testing.T) {
	for _, c := range []struct {
		backend  string
		fixed    bool
		n, batch int
		want     [][3]int // lo, hi, rows
	}{
		{"cpu", false, 7, 3, [][3]int{{0, 3, 3}, {3, 6, 3}, {6, 7, 1}}},
		{"cpu", true, 7, 3, [][3]int{{0, 3, 3}, {3, 6, 3}, {6, 7, 3}}},
		{"cpu", true, 2, 64, [][3]int{{0, 2, 64}}},
		{"cpu", true, 2, 1, [][3]int{{0, 1, 1}, {1, 2, 1}}},
		{"cpu", true, 0, 4, nil},
		{"go", false, 2, 1, [][3]int{{0, 1, 1}, {1, 2, 1}}},
	} {
		e, err := Open(c.backend)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(e.Close)
		e.FixedRows = c.fixed
		var got [][3]int
		if err := e.EachFilled(t.Context(), c.n, c.batch, func(_ context.Context, lo, hi, rows int) error {
			got = append(got, [3]int{lo, hi, rows})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s, fixed %v, %d rows in %d: got %v, want %v", c.backend, c.fixed, c.n, c.batch, got, c.want)
		}
	}
}

func TestEachFilledStops(t *testing.T) {
	e := open(t)
	e.FixedRows = true
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	err := e.EachFilled(ctx, 10, 2, func(context.Context, int, int, int) error { calls++; cancel(); return nil })
	if !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("got %v after %d calls, want that it was cancelled after one", err, calls)
	}
}

// TestRows: every row of the result is that of its row, whatever the calls are filled up with.
func TestRows(t *testing.T) {
	for _, c := range []struct {
		fixed    bool
		n, batch int
		calls    []int // rows of each
	}{
		{false, 5, 2, []int{2, 2, 1}},
		{true, 5, 2, []int{2, 2, 2}},
		{true, 1, 4, []int{4}},
		{true, 3, 1, []int{1, 1, 1}},
		{true, 0, 4, nil},
	} {
		e := open(t)
		e.FixedRows = c.fixed
		in, out := make([]float32, 2*c.n), make([]float32, 3*c.n)
		for i := range in {
			in[i] = float32(i)
		}
		var calls []int
		err := e.Rows(t.Context(), out, in, c.n, c.batch, func(out, in []float32) error {
			rows := len(in) / 2
			if calls = append(calls, rows); len(out) != 3*rows {
				t.Errorf("%+v: a result of %d numbers for %d rows", c, len(out), rows)
			}
			for row := range rows {
				if last := float32(2*c.n - 1); in[2*row+1] > last || in[2*row+1] != in[2*row]+1 {
					t.Errorf("%+v: row %v", c, in[2*row:2*row+2])
				}
				copy(out[3*row:], []float32{in[2*row], in[2*row+1], -in[2*row]})
			}
			return nil
		})
		if err != nil || !slices.Equal(calls, c.calls) {
			t.Errorf("%+v: calls of %v rows, %v", c, calls, err)
		}
		for row := range c.n {
			if got, want := out[3*row:3*row+3], []float32{float32(2 * row), float32(2*row + 1),
				-float32(2 * row)}; !slices.Equal(got, want) {
				t.Errorf("%+v: row %d is %v, want %v", c, row, got, want)
			}
		}
	}
}

func TestFill(t *testing.T) {
	list := []string{"a", "b"}
	if got, want := Fill(list, 4), []string{"a", "b", "b", "b"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := Fill(list, 2); !slices.Equal(got, list) {
		t.Errorf("got %v, want %v", got, list)
	}
}

func TestOutOfMemory(t *testing.T) {
	for text, want := range map[string]bool{
		"PJRT error (code=8): RESOURCE_EXHAUSTED: Out of memory while trying to allocate 123 bytes": true,
		"RESOURCE_EXHAUSTED: CUDNN_STATUS_ALLOC_FAILED":                                             true,
		"PJRT error (code=2): CUDA_ERROR_OUT_OF_MEMORY: out of memory":                              true,
		"PJRT error (code=3): INVALID_ARGUMENT: shapes differ":                                      false,
		"no space left on device":                                                                   false,
	} {
		if got := OutOfMemory(fmt.Errorf("step 3 of 50: %w", errors.New(text))); got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
	if OutOfMemory(nil) || !OutOfMemory(fmt.Errorf("%w: with 64 rows", ErrMemory)) {
		t.Error("nil or an ErrMemory is taken for something else")
	}
}
