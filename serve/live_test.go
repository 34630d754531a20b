package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mgd3/cluster"
	"mgd3/distill"
)

// TestLive: a run that goes on is seen as it grows, its images the newest first, its tasks with their failures; when it
// is done, its manifest is there. No file of a folder that has not changed is asked for again.
func TestLive(t *testing.T) {
	dir := runFolder(t, 2)
	manifest := distill.ManifestFile(dir)
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	record, err := json.Marshal(cluster.Record{Stage: "sample", Task: 0, Tasks: 2, State: cluster.Failed, Host: "n7",
		Message: "out of memory", Code: 1, Attempt: 1})
	if err != nil {
		t.Fatal(err)
	}
	records := cluster.StageDir(dir, "sample")
	for _, err := range []error{os.Remove(manifest), os.MkdirAll(records, 0o777),
		os.WriteFile(filepath.Join(records, "0000.json"), record, 0o666)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := New(Options{Dir: dir, Addr: addr, Edit: true}); err == nil {
		t.Error("a run that goes on can be edited")
	}
	s := open(t, Options{Dir: dir})
	st := follow(t, s, func(st State) bool { return st.Run != nil })
	if st.Images != 2 || st.Done || len(st.Last) != 2 || len(st.Run.Stages) != 1 ||
		st.Run.Stages[0].Faults[0].Message != "out of memory" {
		t.Errorf("got %+v", st)
	}
	if w := ask(s, nil, "/made/1"); w.Code != http.StatusOK || w.Body.String() != png {
		t.Errorf("its image: got %d and %.20q", w.Code, w.Body)
	}
	if err := os.WriteFile(filepath.Join(dir, "images/cat/0000.png"), []byte(png), 0o666); err != nil {
		t.Fatal(err)
	}
	st = follow(t, s, func(st State) bool { return st.Images == 3 })
	if st.Last[0] != 2 {
		t.Errorf("the newest are %v", st.Last)
	}
	if err := os.WriteFile(manifest, text, 0o666); err != nil {
		t.Fatal(err)
	}
	follow(t, s, func(st State) bool { return st.Done && st.Images == 5 })
	if w := ask(s, nil, "/image/0"); w.Code != http.StatusOK {
		t.Errorf("done: got %d", w.Code)
	}
}

// TestRates: images a second are those of the last minute.
func TestRates(t *testing.T) {
	var f found
	now := time.Now()
	for i := range 100 {
		r, left := f.rate(now.Add(time.Duration(i)*2*time.Second), State{Images: i * i, Of: 10000})
		if i == 0 && (r != 0 || left != 0) {
			t.Errorf("at first: %v, %v", r, left)
		}
		if i == 99 { // of 69² to 99² in a minute
			if want := float64(99*99-69*69) / 60; r != want || left != (10000-99*99)/want {
				t.Errorf("got %v, %v, want %v", r, left, want)
			}
		}
	}
}

func TestNothing(t *testing.T) {
	empty, begun := t.TempDir(), t.TempDir()
	if err := os.MkdirAll(filepath.Join(begun, "latents"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(begun, "latents", "cat.safetensors"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]bool{empty: true, begun: false, runFolder(t, 1): false} {
		if got := open(t, Options{Dir: dir}).Nothing(); got != want {
			t.Errorf("%q: nothing is %v, want %v", dir, got, want)
		}
	}
}

// TestSlowClients: two hundred who ask for all images and read nothing keep nobody out.
func TestSlowClients(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, Options{Dir: runFolder(t, 20000), Addr: l.Addr().String()})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go s.Serve(ctx, l) //nolint:errcheck // ends with the test
	for range 200 {
		c, err := net.Dial("tcp", s.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.(*net.TCPConn).SetReadBuffer(4096)
		fmt.Fprintf(c, "GET /images HTTP/1.1\r\nHost: %s\r\nCookie: %s=%s\r\n\r\n", s.Addr, cookieName, s.Token)
	}
	for range 200 { // each of the slow ones has been answered before or is answered beside these
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Addr+"/image/0", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.AddCookie(&http.Cookie{Name: cookieName, Value: s.Token})
		for {
			a, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			data, _ := io.ReadAll(a.Body)
			_ = a.Body.Close()
			if a.StatusCode == http.StatusServiceUnavailable {
				continue // the table is being made, once
			}
			if a.StatusCode != http.StatusOK || string(data) != png {
				t.Fatalf("got %d beside slow clients", a.StatusCode)
			}
			break
		}
	}
}
