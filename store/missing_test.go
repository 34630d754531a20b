package store_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"mgd3/internal/fixtures/storetest"
	"mgd3/store"
)

// TestMissingBucket: what is asked of a bucket that is not there is not said to be missing itself, even where an answer
// has no words, as that to HEAD; nor is what a store refuses to show.
func TestMissingBucket(t *testing.T) {
	for code, want := range map[string]error{"NoSuchBucket": store.ErrBucket, "AccessDenied": store.ErrRefused} {
		s := storetest.New(t)
		s.Refuse = code
		_, errStat := store.Stat(s.Path("x"))
		_, errOpen := store.Open(s.Path("x"))
		_, errRead := store.Read(s.Path("x"), 1)
		for _, err := range []error{errStat, errOpen, errRead} {
			if !errors.Is(err, want) || errors.Is(err, fs.ErrNotExist) || !store.Failed(err) {
				t.Errorf("%s: got %v, want %v", code, err, want)
			}
		}
	}
	s := storetest.New(t)
	if _, err := store.Stat(s.Path("x")); !errors.Is(err, fs.ErrNotExist) || store.Failed(err) {
		t.Errorf("got %v, want that there is no such file", err)
	}
}

// TestTell: who waits for a store is told so, once.
func TestTell(t *testing.T) {
	defer store.SetTimes(time.Millisecond, time.Millisecond, 500*time.Millisecond,
		100*time.Millisecond)()
	defer store.SetTellAfter(0)()
	var lines []string
	defer store.Tell(func(line string) { lines = append(lines, line) })()
	s := storetest.New(t)
	s.Fault = func() storetest.Fault { return storetest.Internal }
	if _, err := store.Read(s.Path("x"), 1); !errors.Is(err, store.ErrUnreachable) {
		t.Errorf("got %v, want that it cannot be reached", err)
	}
	if len(lines) != 1 || !strings.Contains(lines[0], "tried again") {
		t.Errorf("said %q, want one line", lines)
	}
}
