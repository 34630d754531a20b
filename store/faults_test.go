package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mgd3/internal/fixtures/storetest"
	"mgd3/store"
)

// everySecond makes every second request go wrong, each time in the next of some ways.
func everySecond(ways []storetest.Fault) func() storetest.Fault {
	n := 0
	return func() storetest.Fault {
		if n++; n%2 == 1 {
			return storetest.None
		}
		return ways[n/2%len(ways)]
	}
}

// soon makes the next try come soon.
func soon() (restore func()) {
	return store.SetTimes(time.Millisecond, 50*time.Millisecond, time.Minute, 30*time.Second)
}

func put(path string, data []byte) error {
	return store.Put(path, func(w io.Writer) error { _, err := w.Write(data); return err })
}

// putAndRead puts some objects and locks, and reads them again, whole and in part.
func putAndRead(t *testing.T, s *storetest.Server, n int) {
	t.Helper()
	for i := range n {
		path, want := s.Path(fmt.Sprint("f", i)), bytes.Repeat([]byte{byte(i), 1}, 40000+i)
		if err := put(path, want); err != nil {
			t.Error(err)
			return
		}
		if have, err := store.Read(path, 1<<20); err != nil || !bytes.Equal(have, want) {
			t.Errorf("%d: read %d bytes, %v, want %d", i, len(have), err, len(want))
		}
		part := make([]byte, 100)
		f, err := store.Open(path)
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := f.ReadAt(part, 70000); err != nil || !bytes.Equal(part, want[70000:70100]) {
			t.Errorf("%d: got %v, %v", i, part[:4], err)
		}
		lock := s.Path(fmt.Sprint("lock", i))
		for k, want := range []bool{true, false} {
			if put, err := store.PutNew(lock, []byte(fmt.Sprint("owner ", k))); put != want || err != nil {
				t.Errorf("%d: got %v, %v, want %v", i, put, err, want)
			}
		}
		if err := store.Remove(lock); err != nil {
			t.Error(err)
		}
	}
	files, err := store.List(context.Background(), s.Path(""))
	if err != nil || len(files) != n || len(s.Objects) != n {
		t.Errorf("got %d files, %v, want %d", len(files), err, n)
	}
}

// TestFaults: whatever a store does, what is put is there once, whole, and what is read is what is there; an answer
// that was lost is no put of somebody else. The stores are asked at once: clients wait long before they try again.
func TestFaults(t *testing.T) {
	defer soon()()
	var group sync.WaitGroup
	for first := range storetest.Ways {
		s := storetest.New(t)
		s.Fault = everySecond(slices.Concat(storetest.Ways[first:], storetest.Ways[:first]))
		group.Go(func() { putAndRead(t, s, 2) })
	}
	group.Wait()
}

// TestStalled: of a connection that stays and says nothing more, another try is made.
func TestStalled(t *testing.T) {
	defer store.SetTimes(time.Millisecond, 10*time.Millisecond, time.Minute, 100*time.Millisecond)()
	s := storetest.New(t)
	s.Fault = everySecond([]storetest.Fault{storetest.Stalled, storetest.Silent})
	putAndRead(t, s, 2)
}

// TestThrottled: a store that takes few requests at a time, and tells the others to slow down, has them all in the end.
func TestThrottled(t *testing.T) {
	defer soon()()
	s := storetest.New(t)
	s.PerTick = 4
	var group sync.WaitGroup
	for i := range 24 {
		group.Go(func() {
			if err := put(s.Path(fmt.Sprint(i)), []byte{byte(i)}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	s.Lock()
	defer s.Unlock()
	if len(s.Objects) != 24 || s.Count["PUT"] == 24 {
		t.Errorf("%d objects of 24 after %d puts, want all, and some of them told to slow down", len(s.Objects),
			s.Count["PUT"])
	}
}

// TestUnreachable: a store that never does what it is asked for is said to be that, when patience is over.
func TestUnreachable(t *testing.T) {
	defer store.SetTimes(time.Millisecond, 10*time.Millisecond, 100*time.Millisecond, 50*time.Millisecond)()
	for _, fault := range []storetest.Fault{storetest.Internal, storetest.SlowDown, storetest.Silent} {
		s := storetest.New(t)
		s.Fault = func() storetest.Fault { return fault }
		_, err := store.Read(s.Path("x"), 9)
		if !errors.Is(err, store.ErrUnreachable) || strings.Contains(err.Error(), "TOPSECRET") {
			t.Errorf("fault %d: got %v, want an ErrUnreachable", fault, err)
		}
	}
}

// TestRequests: what each thing costs.
func TestRequests(t *testing.T) {
	s := storetest.New(t)
	at := s.Path("c")
	for _, c := range []struct {
		what string
		do   func() error
		want map[string]int
	}{
		{"put", func() error { return put(at, []byte("x")) }, map[string]int{"PUT": 1}},
		{"read", func() error { _, err := store.Read(at, 9); return err }, map[string]int{"GET": 1}},
		{"list", func() error { _, err := store.List(context.Background(), s.Path("")); return err },
			map[string]int{"GET": 1}},
		{"readdir", func() error { _, err := store.ReadDir(s.Path("")); return err }, map[string]int{"GET": 1}},
		{"remove", func() error { return store.Remove(at) }, map[string]int{"HEAD": 1, "DELETE": 1}},
	} {
		if err := c.do(); err != nil || fmt.Sprint(s.Count) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v and the requests %v, want %v", c.what, err, s.Count, c.want)
		}
		s.Reset()
	}
}

// TestRefused: what no other try heals is said at once, in a line, with the place and without a secret.
func TestRefused(t *testing.T) {
	for code, want := range map[string]error{"NoSuchBucket": store.ErrBucket, "AccessDenied": store.ErrRefused,
		"XAdminUserNotFound": store.ErrCredentials, // versitygw's
		"InvalidAccessKeyId": store.ErrCredentials, "SignatureDoesNotMatch": store.ErrCredentials,
		"ExpiredToken": store.ErrCredentials} {
		s := storetest.New(t)
		s.Refuse = code
		_, err := store.Read(s.Path("x"), 9)
		if !errors.Is(err, want) || !errors.Is(err, store.ErrStore) || s.Count["GET"] != 1 ||
			!strings.Contains(err.Error(), store.Shown(s.Path("x"))) || strings.ContainsAny(err.Error(), "\n") ||
			strings.Contains(err.Error(), "TOPSECRET") {
			t.Errorf("%s: got %v after %v, want %v", code, err, s.Count, want)
		}
	}
}
