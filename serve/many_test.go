package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mgd3/distill"
	"mgd3/internal/fixtures/browser"
)

// TestMany is bench/serve.sh: what it takes to serve very many images, alone and beside slow clients.
func TestMany(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("MGD3_SERVE_IMAGES"))
	if err != nil {
		t.Skip("MGD3_SERVE_IMAGES is not set: bench/serve.sh measures with 100000")
	}
	dir := runFolder(t, n/2)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m, err := distill.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	for c := range m.Classes { // as long as those of a real set
		for i := range m.Classes[c].Images {
			im := &m.Classes[c].Images[i]
			im.SHA256, im.Nearest = fmt.Sprintf("%064x", i*7919), fmt.Sprintf("n01440764_%d.JPEG", i*31)
			im.Distance = distill.Distance{Own: 30 + float64(i)/7, Others: 50 + float64(i)/11}
		}
	}
	text, err := json.Marshal(m)
	if err := errors.Join(err, os.WriteFile(distill.ManifestFile(dir), text, 0o666)); err != nil {
		t.Fatal(err)
	}
	m, text = nil, nil
	debug.FreeOSMemory()
	before := resident(t)
	start := time.Now()
	s := open(t, Options{Dir: dir, Addr: l.Addr().String(), Edit: true})
	t.Logf("many: %d images: opened in %v", n, time.Since(start).Round(time.Millisecond))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go s.Serve(ctx, l) //nolint:errcheck // ends with the test
	get := func(path, encoding string) (int, time.Duration) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Addr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", encoding)
		r.AddCookie(&http.Cookie{Name: cookieName, Value: s.Token})
		start := time.Now()
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		size, err := io.Copy(io.Discard, a.Body)
		if err != nil || a.StatusCode != http.StatusOK {
			t.Fatalf("%s: got %d, %v", path, a.StatusCode, err)
		}
		return int(size), time.Since(start)
	}
	for _, encoding := range []string{"gzip", "gzip", "identity"} {
		size, took := get("/images", encoding)
		t.Logf("many: the table, %s: %d kB in %v", encoding, size>>10, took.Round(time.Millisecond))
	}
	images := func(what string) {
		var each []time.Duration
		for range 200 {
			_, took := get("/image/0", "identity")
			each = append(each, took)
		}
		slices.Sort(each)
		t.Logf("many: an image, %s: median %v, worst %v of 200", what, each[100].Round(10*time.Microsecond),
			each[199].Round(10*time.Microsecond))
	}
	images("alone")
	t.Logf("many: memory: %d MB, %d before the server", resident(t)>>20, before>>20)
	for range 200 {
		c, err := net.Dial("tcp", s.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.(*net.TCPConn).SetReadBuffer(4096)
		fmt.Fprintf(c, "GET /images HTTP/1.1\r\nHost: %s\r\nCookie: %s=%s\r\n\r\n", s.Addr, cookieName, s.Token)
	}
	images("beside 200 slow clients")
	t.Logf("many: memory beside 200 slow clients: %d MB", resident(t)>>20)
	start = time.Now()
	s.watch.made.dir = dir
	state, _ := json.Marshal(s.state(true))
	first := time.Since(start)
	start = time.Now()
	s.state(true)
	t.Logf("many: a look at the files: %v, and again %v: %.60s", first.Round(time.Microsecond),
		time.Since(start).Round(time.Microsecond), state)
	if os.Getenv(browser.Env) == "" {
		return
	}
	start = time.Now()
	p := browser.Open(t, s.URL(), 1200, 900)
	p.Until("document.querySelectorAll('#all figure').length > 50")
	t.Logf("many: a browser started, and shows the first view: %v", time.Since(start).Round(time.Millisecond))
	start = time.Now()
	p.Text("document.querySelector('#grid').scrollTop = 1e9")
	p.Until(fmt.Sprintf("document.querySelector('#all').textContent.includes('cat %d')", n/2-1))
	t.Logf("many: a jump to the end: %v", time.Since(start).Round(time.Millisecond))
}

// resident is the memory of the process, after a collection.
func resident(t *testing.T) int64 {
	t.Helper()
	runtime.GC()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
