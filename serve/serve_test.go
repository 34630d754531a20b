package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/distill"
	"mgd3/internal/fixtures/browser"
)

const addr = "127.0.0.1:8000"

// png is an image of one pixel.
const png = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01" +
	"\x08\x06\x00\x00\x00\x1f\x15\xc4\x89" +
	"\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x56\xc7\x2f\r\x00\x00\x00\x00IEND\xaeB`\x82"

// folder is that of a run with n images of two classes each, and one image outside the folder.
func folder(t testing.TB, n int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	m := distill.Manifest{Format: 1, Denoiser: "x"}
	for _, name := range []string{"bird", "cat"} {
		c := distill.ManifestClass{Name: name}
		for i := range n {
			c.Images = append(c.Images, distill.ManifestImage{File: fmt.Sprintf("images/%s/%04d.png", name, i), Mode: i,
				ClusterSize: int64(i)})
		}
		m.Classes = append(m.Classes, c)
	}
	m.Classes[1].Images = append(m.Classes[1].Images, distill.ManifestImage{File: "../secret.png"})
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"manifest.json": string(data), "images/bird/0000.png": png,
		"images/cat/0001.png": png, "../secret.png": "secret", "latents/bird.safetensors": ""} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func ask(s *Server, change func(*http.Request), path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.URL.Path, r.Host = path, addr
	r.AddCookie(&http.Cookie{Name: cookieName, Value: s.Token})
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestAnswers(t *testing.T) {
	s, err := New(folder(t, 2), addr)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/": "<html", "/serve.js": "use strict", "/serve.css": "body",
		"/image/0": png, "/image/3": png, "/images": `"class":"cat"`, "/events": `"latents":1`} {
		if w := ask(s, nil, path); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: got %d and %.60q, want %.20q in it", path, w.Code, w.Body, want)
		}
	}
	for _, path := range []string{"/image/1", "/image/4", "/image/5", "/image/-1", "/image/x", "/manifest.json",
		"/image/", "/image/../manifest.json", "/../secret.png", "/serve.go"} { // 4 is the image outside the folder
		if w := ask(s, nil, path); w.Code != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", path, w.Code)
		}
	}
}

// TestStrangers: without the token, by another name or from another page, nobody gets anything.
func TestStrangers(t *testing.T) {
	s, err := New(folder(t, 2), addr)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"no cookie":      {func(r *http.Request) { r.Header.Del("Cookie") }, http.StatusForbidden},
		"another cookie": {func(r *http.Request) { r.Header.Set("Cookie", cookieName+"=x") }, http.StatusForbidden},
		"another token":  {func(r *http.Request) { r.URL.RawQuery = "token=x" }, http.StatusForbidden},
		"an empty token": {func(r *http.Request) { r.URL.RawQuery = "token=" }, http.StatusForbidden},
		"another host":   {func(r *http.Request) { r.Host = "evil.example:8000" }, http.StatusForbidden},
		"another port":   {func(r *http.Request) { r.Host = "127.0.0.1:80" }, http.StatusForbidden},
		"another origin": {func(r *http.Request) {
			r.Header.Set("Origin",
				"http://evil.example")
		}, http.StatusForbidden},
		"null origin": {func(r *http.Request) { r.Header.Set("Origin", "null") }, http.StatusForbidden},
		"a change":    {func(r *http.Request) { r.Method = http.MethodPost }, http.StatusMethodNotAllowed},
		"the token":   {func(r *http.Request) { r.URL.RawQuery = "token=" + s.Token }, http.StatusSeeOther},
	} {
		w := ask(s, c.change, "/")
		if w.Code != c.want || strings.Contains(w.Body.String(), "<html") {
			t.Errorf("%s: got %d and %.40q, want %d and nothing of the page", name, w.Code, w.Body, c.want)
		}
		if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
			t.Errorf("%s: the policy is %q", name, policy)
		}
	}
}

func TestTooMany(t *testing.T) {
	s, err := New(folder(t, 1), addr)
	if err != nil {
		t.Fatal(err)
	}
	for range mostAtOnce {
		s.places <- struct{}{}
	}
	if w := ask(s, nil, "/"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("got %d, want 503", w.Code)
	}
	if w := ask(s, nil, "/events"); w.Code != http.StatusOK {
		t.Errorf("events beside many requests: got %d, want 200", w.Code)
	}
	for range mostEvents {
		s.streams <- struct{}{}
	}
	<-s.places
	for path, want := range map[string]int{"/events": http.StatusServiceUnavailable, "/": http.StatusOK} {
		if w := ask(s, nil, path); w.Code != want {
			t.Errorf("%s beside many streams: got %d, want %d", path, w.Code, want)
		}
	}
}

// FuzzRequests: whatever is asked for, nothing from outside the folder comes, and nothing without the token.
func FuzzRequests(f *testing.F) {
	s, err := New(folder(f, 2), addr)
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range []string{"/", "/image/0", "/image/4", "/image/..%2fsecret.png", "/images"} {
		f.Add("GET", path, "", addr, true)
		f.Add("POST", path, "token=x", "evil", false)
	}
	f.Fuzz(func(t *testing.T, method, path, query, host string, known bool) {
		if path == "/events" {
			return // ends at once in a finished run; see TestAnswers
		}
		w := ask(s, func(r *http.Request) {
			r.Method, r.URL.RawQuery, r.Host = method, query, host
			if !known {
				r.Header.Del("Cookie")
			}
		}, path)
		if strings.Contains(w.Body.String(), "secret") || (!known && w.Code == http.StatusOK) ||
			(host != addr && w.Code < 400) {
			t.Errorf("%s %q?%q of %q, known %t: got %d and %.60q", method, path, query, host, known, w.Code, w.Body)
		}
	})
}

// TestInBrowser: of many images only those in view are there, a jump shows others, and a filter stands in the address.
func TestInBrowser(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(folder(t, 5000), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go s.Serve(ctx, l) //nolint:errcheck // ends with the test
	p := browser.Open(t, s.URL(), 1000, 700)
	p.Until("document.querySelector('#count').textContent === '10001 of 10001 images'")
	p.Is("document.querySelectorAll('figure').length < 200")
	p.Text("document.querySelector('#grid').scrollTop = 1e9")
	p.Until("document.querySelector('#all').textContent.includes('cat 4999')")
	p.Is("document.querySelectorAll('figure').length < 200")
	p.Text("(e => { e.value = 'cat'; e.dispatchEvent(new Event('input')); })(document.querySelector('#class'))")
	p.Is("location.search === '?class=cat' && document.querySelector('#count').textContent.startsWith('5001 of')")
	p.Text("(e => { e.value = '4'; e.dispatchEvent(new Event('input')); })(document.querySelector('#size'))")
	p.Until("document.querySelectorAll('figure').length === 6")
	p.Screenshot("serve")
}
