package hub

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestFetchMakesPythonsCache(t *testing.T) {
	s := newServer(t)
	c := s.client(t)
	var last Event
	c.Report = func(e Event) { last = e }
	snap, err := pull(t.Context(), c, Want{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range s.files {
		names = append(names, name)
	}
	s.wantFiles(t, snap.Dir, names...)
	dir := filepath.Join(os.Getenv("HF_HOME"), "hub", "models--org--name")
	if want := filepath.Join(dir, "snapshots", commit); snap.Dir != want {
		t.Errorf("the snapshot is %s, want %s", snap.Dir, want)
	}
	if ref, err := os.ReadFile(filepath.Join(dir, "refs", "main")); string(ref) != commit {
		t.Errorf("refs/main is %q, %v, want the commit", ref, err)
	}
	for name, data := range s.files {
		up := strings.Repeat("../", 2+strings.Count(name, "/"))
		target, err := os.Readlink(filepath.Join(snap.Dir, name))
		if want := up + "blobs/" + sumOf(data); filepath.ToSlash(target) != want {
			t.Errorf("%s links to %q, %v, want %q", name, target, err, want)
		}
		if _, err := os.Stat(filepath.Join(c.Cache, ".locks", "models--org--name", sumOf(data)+".lock")); err != nil {
			t.Error(err)
		}
	}
	if last.Done != last.Total || last.Total != 56_508 {
		t.Errorf("the last event is %+v, want 56508 of 56508", last)
	}

	before := s.count()
	again, err := pull(t.Context(), c, Want{})
	if n, bytes := again.Missing(); err != nil || n != 0 || bytes != 0 {
		t.Errorf("the second time %d files, %d bytes are missing, %v", n, bytes, err)
	}
	if got, want := s.count()-before, 1+len(s.files); got != want {
		t.Errorf("the second time there are %d requests, want %d: the list and one per file", got, want)
	}
}

// The library that we do not use takes the end of a broken connection for the end of the file.
func TestABrokenConnectionIsTakenUpByTheNextRun(t *testing.T) {
	s := newServer(t)
	c := s.client(t)
	want := Want{Include: []string{big}}
	for from := 0; from < 50_000; from += 20_000 {
		if from > 0 {
			wantNothingNamed(t, c)
		}
		broken := breaks(20_000)
		answered := false
		s.send = func(w http.ResponseWriter, r *http.Request, data []byte, at int) {
			if at != from && at != from+20_000 {
				t.Errorf("asked for bytes from %d, want from %d", at, from)
			}
			if answered { // the second attempt of a run gets nothing
				broken = breaks(0)
			}
			answered = true
			broken(w, r, data, at)
		}
		snap, err := pull(t.Context(), c, want)
		if last := from+20_000 >= 50_000; last {
			if err != nil {
				t.Fatal(err)
			}
			s.wantFiles(t, snap.Dir, big)
		} else if !errors.Is(err, ErrNetwork) || !strings.Contains(err.Error(), big) ||
			!strings.Contains(err.Error(), "of 50000 bytes") {
			t.Fatalf("got %v, want ErrNetwork with the file and how far it came", err)
		}
	}
}

func TestAnInterruptedRunLeavesNothingHalf(t *testing.T) {
	s := newServer(t)
	c := s.client(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.send = func(w http.ResponseWriter, r *http.Request, data []byte, from int) {
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		_, _ = w.Write(data[:10_000])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done() // until the client goes
	}
	c.Report = func(e Event) {
		if e.Done == 10_000 {
			cancel()
		}
	}
	if _, err := pull(ctx, c, Want{Include: []string{big}}); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want context.Canceled", err)
	}
	wantNothingNamed(t, c)
	s.send = nil
	snap, err := pull(t.Context(), c, Want{Include: []string{big}})
	if err != nil {
		t.Fatal(err)
	}
	s.wantFiles(t, snap.Dir, big)
	if asked := s.requests[len(s.requests)-1]; !strings.HasSuffix(asked, " bytes=10000-") {
		t.Errorf("the last request is %q, want the bytes from 10000 on", asked)
	}
}

func TestAServerThatIgnoresRanges(t *testing.T) {
	s := newServer(t)
	c := s.client(t)
	c.Tries = 2
	sent := 0
	s.send = func(w http.ResponseWriter, r *http.Request, data []byte, from int) {
		if sent++; sent == 1 {
			breaks(30_000)(w, r, data, 0)
		}
		_, _ = w.Write(data)
	}
	snap, err := pull(t.Context(), c, Want{Include: []string{big}})
	if err != nil {
		t.Fatal(err)
	}
	s.wantFiles(t, snap.Dir, big)
}

func TestAWrongPartIsFetchedAnew(t *testing.T) {
	for _, size := range []int{10, 40_000, 50_000, 60_000} {
		s := newServer(t)
		c := s.client(t)
		part := c.blobPath(repo, sumOf(s.files[big])) + ".incomplete"
		if err := os.MkdirAll(filepath.Dir(part), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(part, make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
		snap, err := pull(t.Context(), c, Want{Include: []string{big}})
		if err != nil {
			t.Fatalf("with %d wrong bytes: %v", size, err)
		}
		s.wantFiles(t, snap.Dir, big)
	}
}

func TestADamagedBlob(t *testing.T) {
	s := newServer(t)
	c := s.client(t)
	want := Want{Include: []string{big}}
	snap, err := pull(t.Context(), c, want)
	if err != nil {
		t.Fatal(err)
	}
	blob := c.blobPath(repo, sumOf(s.files[big]))
	for name, damage := range map[string][]byte{"shorter": noise(49_000), "others": make([]byte, 50_000)} {
		if err := os.WriteFile(blob, damage, 0o644); err != nil {
			t.Fatal(err)
		}
		c.Check = name == "others" // the size alone tells the first
		if c.Check {
			if _, err := c.Cached(t.Context(), repo, want); !errors.Is(err, ErrCorrupt) ||
				!strings.Contains(err.Error(), big) {
				t.Errorf("%s: offline: got %v, want ErrCorrupt of %s", name, err, big)
			}
		}
		if _, err := pull(t.Context(), c, want); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s.wantFiles(t, snap.Dir, big)
	}
}

func TestAHubThatComesBack(t *testing.T) {
	s := newServer(t)
	c := s.client(t)
	c.Tries = 3
	asked := 0
	s.fault = func(w http.ResponseWriter, _ *http.Request) bool {
		asked++
		if asked%3 != 0 { // the list, the file's headers, the file: each the third time
			w.WriteHeader([]int{429, 503, 500}[asked%3])
			return true
		}
		return false
	}
	snap, err := pull(t.Context(), c, Want{Include: []string{big}})
	if err != nil {
		t.Fatal(err)
	}
	s.wantFiles(t, snap.Dir, big)
}

func TestSilence(t *testing.T) {
	for name, where := range map[string]string{"the list": "/api/", "the headers": "/org/", "the file": ""} {
		s := newServer(t)
		c := s.client(t)
		c.Silence = 50 * time.Millisecond
		release := make(chan struct{})
		s.fault = func(_ http.ResponseWriter, r *http.Request) bool {
			if where == "" || !strings.HasPrefix(r.URL.Path, where) {
				return false
			}
			<-release
			return true
		}
		s.send = func(w http.ResponseWriter, r *http.Request, data []byte, from int) {
			w.Header().Set("Content-Length", strconv.Itoa(len(data)))
			_, _ = w.Write(data[:100])
			_ = http.NewResponseController(w).Flush()
			<-release
		}
		_, err := pull(t.Context(), c, Want{Include: []string{big}})
		close(release)
		if !errors.Is(err, ErrNetwork) || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "silent") {
			t.Errorf("%s: got %v, want ErrNetwork, silent", name, err)
		}
	}
}

func TestTwoProgramsFetchOnce(t *testing.T) {
	s := newServer(t)
	c := s.client(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := pull(t.Context(), c, Want{Include: []string{big}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(s.tokens) != 1 {
		t.Errorf("the file was fetched %d times, want once", len(s.tokens))
	}
}

func TestAttemptsWaitLongerEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Client{Tries: 4, Pause: time.Second}
		begin := time.Now()
		var at []time.Duration
		err := c.attempts(t.Context(), func(error) {}, 10, func() (int64, error) {
			at = append(at, time.Since(begin))
			switch n := len(at); {
			case n < 3:
				return 10, ErrNetwork
			case n == 3:
				return 20, later{ErrNetwork, 7 * time.Second} // progress, and a wish
			}
			return 20, ErrNetwork
		})
		want := []time.Duration{0, 1, 3, 10, 11, 13, 17}
		for i := range want {
			want[i] *= time.Second
		}
		if !errors.Is(err, ErrNetwork) || !slices.Equal(at, want) {
			t.Errorf("got %v at %v, want attempts at %v", err, at, want)
		}
	})
}
