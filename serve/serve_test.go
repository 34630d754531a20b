package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mgd3/diffusion"
	"mgd3/distill"
	"mgd3/internal/fixtures/browser"
)

const addr = "127.0.0.1:8000"

// png is an image of one pixel.
const png = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01" +
	"\x08\x06\x00\x00\x00\x1f\x15\xc4\x89" +
	"\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x56\xc7\x2f\r\x00\x00\x00\x00IEND\xaeB`\x82"

// runFolder is that of a run with n images of two classes each, and one image outside the folder.
func runFolder(t testing.TB, n int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	m := distill.Manifest{Format: 1, Denoiser: "x"}
	for _, name := range []string{"bird", "cat"} {
		c := distill.ManifestClass{Name: name}
		for i := range n {
			c.Images = append(c.Images, distill.ManifestImage{File: fmt.Sprintf("images/%s/%04d.png", name, i), Mode: i,
				ClusterSize: int64(i), Taken: name == "cat" && i == 1})
		}
		m.Classes = append(m.Classes, c)
	}
	m.Classes[1].Images = append(m.Classes[1].Images, distill.ManifestImage{File: "../secret.png"})
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"manifest.json": string(data), "images/bird/0000.png": png,
		"images/cat/0001.png": png, "../secret.png": "s3cr3t bytes", "latents/bird.safetensors": ""} {
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

// open is a server of a folder.
func open(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Addr == "" {
		o.Addr = addr
	}
	s, cut, err := New(o)
	if err != nil || cut != 0 {
		t.Fatal(cut, err)
	}
	t.Cleanup(s.Close)
	return s
}

func ask(s *Server, change func(*http.Request), path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.URL.Path, r.Host = path, s.Addr
	r.AddCookie(&http.Cookie{Name: cookieName, Value: s.Token})
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// post is a request as the page makes it.
func post(s *Server, path string, body any) (status int, answer map[string]any) {
	data, _ := json.Marshal(body)
	w := ask(s, func(r *http.Request) {
		r.Method, r.Body, r.ContentLength = http.MethodPost, io.NopCloser(bytes.NewReader(data)), int64(len(data))
		r.Header.Set("Origin", "http://"+s.Addr)
		r.Header.Set("Content-Type", "application/json")
	}, path)
	_ = json.Unmarshal(w.Body.Bytes(), &answer)
	return w.Code, answer
}

// listener takes events until enough says so.
type listener struct {
	*httptest.ResponseRecorder
	enough func(State) bool
	stop   context.CancelFunc
}

func (l *listener) Write(p []byte) (int, error) {
	var st State
	if data, ok := bytes.CutPrefix(p, []byte("data: ")); ok && json.Unmarshal(data, &st) == nil && l.enough(st) {
		l.stop()
	}
	return l.ResponseRecorder.Write(p)
}

// follow is the state that enough waits for, a minute at most.
func follow(t *testing.T, s *Server, enough func(State) bool) (last State) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	ok := false
	l := &listener{httptest.NewRecorder(), func(st State) bool { last = st; ok = ok || enough(st); return ok }, stop}
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/events", nil)
	r.Host = s.Addr
	r.AddCookie(&http.Cookie{Name: cookieName, Value: s.Token})
	s.ServeHTTP(l, r)
	if !ok {
		t.Fatalf("got %d, and the state became %+v", l.Code, last)
	}
	return last
}

func TestAnswers(t *testing.T) {
	s := open(t, Options{Dir: runFolder(t, 2)})
	for path, want := range map[string]string{"/": "<html", "/serve.js": "use strict", "/edit.js": "use strict",
		"/serve.css": "body", "/image/0": png, "/image/3": png, "/images": `"classes":["bird","cat"]`,
		"/neighbours/0": "[]"} {
		if w := ask(s, nil, path); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: got %d and %.60q, want %.20q in it", path, w.Code, w.Body, want)
		}
	}
	w := ask(s, func(r *http.Request) { r.Header.Set("Accept-Encoding", "gzip, br") }, "/images")
	if w.Header().Get("Content-Encoding") != "gzip" || !bytes.HasPrefix(w.Body.Bytes(), []byte("\x1f\x8b")) {
		t.Errorf("zipped: got %q, %.10q", w.Header().Get("Content-Encoding"), w.Body)
	}
	for _, path := range []string{"/image/1", "/image/4", "/image/5", "/image/-1", "/image/x", "/manifest.json",
		"/image/", "/image/../manifest.json", "/../secret.png", "/serve.go", "/made/0", "/made/-1", "/real/0",
		"/real/-1", "/preview/0", "/neighbours/9", "/decisions", "/candidate/x"} { // 4 is the image outside the folder
		if w := ask(s, nil, path); w.Code != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", path, w.Code)
		}
	}
	if st := follow(t, s, func(st State) bool { return st.Done }); st.Latents != 1 || st.Images != 5 || st.Edit {
		t.Errorf("got %+v", st)
	}
	for _, rule := range diffusion.Rules() {
		if !bytes.Contains(editFile, []byte(fmt.Sprintf("%q", rule))) {
			t.Errorf("the page has no rule %q", rule)
		}
	}
}

// TestStrangers: without the token, by another name or from another page, nobody gets anything.
func TestStrangers(t *testing.T) {
	s := open(t, Options{Dir: runFolder(t, 2)})
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
	s := open(t, Options{Dir: runFolder(t, 1)})
	for range mostAtOnce {
		s.places <- struct{}{}
	}
	if w := ask(s, nil, "/"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("got %d, want 503", w.Code)
	}
	follow(t, s, func(st State) bool { return st.Done }) // beside many requests
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

// TestInBrowser: of many images only those in view are there, a jump shows others, and a filter is in the address.
func TestInBrowser(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, Options{Dir: runFolder(t, 5000), Addr: l.Addr().String()})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go s.Serve(ctx, l) //nolint:errcheck // ends with the test
	p := browser.Open(t, s.URL(), 1000, 700)
	p.Until("document.querySelector('#count').textContent === '10001 of 10001 images'")
	p.Is("document.querySelectorAll('#all figure').length < 200")
	p.Text("document.querySelector('#grid').scrollTop = 1e9")
	p.Until("document.querySelector('#all').textContent.includes('cat 4999')")
	p.Is("document.querySelectorAll('#all figure').length < 200")
	p.Text("(e => { e.value = 'cat'; e.dispatchEvent(new Event('input')); })(document.querySelector('#class'))")
	p.Is("location.search === '?class=cat' && document.querySelector('#count').textContent.startsWith('5001 of')")
	p.Text("(e => { e.value = '4'; e.dispatchEvent(new Event('input')); })(document.querySelector('#size'))")
	p.Until("document.querySelectorAll('#all figure').length === 6")
	p.Screenshot("serve")
	p.Text("(e => { e.value = ''; e.dispatchEvent(new Event('input')); })(document.querySelector('#size'))")
	p.Text("(e => { e.value = 'taken=true'; e.dispatchEvent(new Event('input')); })(document.querySelector('#where'))")
	p.Until("document.querySelector('#count').textContent.startsWith('1 of')")
	p.Is("new URLSearchParams(location.search).get('where') === 'taken=true'")
}
