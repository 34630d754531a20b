package serve

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/distill"
)

// TestChanges: only the page of this server may change something, and only what it may.
func TestChanges(t *testing.T) {
	s := open(t, Options{Dir: runFolder(t, 2), Edit: true})
	good := `{"image": 0, "verdict": "keep", "reason": "sharp"}`
	for name, c := range map[string]struct {
		change func(*http.Request)
		body   string
		want   int
	}{
		"no origin":    {func(r *http.Request) { r.Header.Del("Origin") }, good, 403},
		"other origin": {func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") }, good, 403},
		"null origin":  {func(r *http.Request) { r.Header.Set("Origin", "null") }, good, 403},
		"https origin": {func(r *http.Request) { r.Header.Set("Origin", "https://"+addr) }, good, 403},
		"cross site":   {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, good, 403},
		"no cookie":    {func(r *http.Request) { r.Header.Del("Cookie") }, good, 403},
		"token in URL": {func(r *http.Request) {
			r.Header.Del("Cookie")
			r.URL.RawQuery = "token=" + s.Token
		}, good, 403},
		"other host":    {func(r *http.Request) { r.Host = "evil.example" }, good, 403},
		"a form":        {func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, good, 415},
		"no type":       {func(r *http.Request) { r.Header.Del("Content-Type") }, good, 415},
		"PUT":           {func(r *http.Request) { r.Method = http.MethodPut }, good, 405},
		"too long":      {nil, `{"reason": "` + strings.Repeat("x", mostBody) + `"}`, 413},
		"no JSON":       {nil, `image=0`, http.StatusBadRequest},
		"two":           {nil, good + good, http.StatusBadRequest},
		"other fields":  {nil, `{"image": 0, "verdict": "keep", "path": "x"}`, http.StatusBadRequest},
		"no image":      {nil, `{"image": 99, "verdict": "keep"}`, http.StatusNotFound},
		"below":         {nil, `{"image": -1, "verdict": "keep"}`, http.StatusNotFound},
		"no verdict":    {nil, `{"image": 0, "verdict": "love"}`, http.StatusBadRequest},
		"seen too much": {nil, `{"image": 0, "verdict": "keep", "seen": 4}`, http.StatusConflict},
		"good":          {nil, good, http.StatusOK},
	} {
		w := ask(s, func(r *http.Request) {
			r.Method, r.Body = http.MethodPost, io.NopCloser(strings.NewReader(c.body))
			r.ContentLength = -1 // the body itself is held against the limit
			r.Header.Set("Origin", "http://"+addr)
			r.Header.Set("Content-Type", "application/json")
			if c.change != nil {
				c.change(r)
			}
		}, "/decide")
		if w.Code != c.want {
			t.Errorf("%s: got %d and %.80q, want %d", name, w.Code, w.Body, c.want)
		}
	}
	if n := s.journal.Len(); n != 1 {
		t.Errorf("the journal has %d decisions, want 1", n)
	}
	for _, name := range []string{"", ".", "..", "../x", "a/b", "/tmp/x", ".x", "a\\b", "a b",
		strings.Repeat("x", 101)} {
		if code, _ := post(s, "/set", map[string]string{"name": name}); code != http.StatusBadRequest {
			t.Errorf("a set called %q: got %d, want 400", name, code)
		}
	}
	if code, answer := post(s, "/again", map[string]any{"image": 0}); code != http.StatusConflict {
		t.Errorf("again without networks: got %d, %v", code, answer)
	}
	if code, _ := post(s, "/manifest", nil); code != http.StatusNotFound {
		t.Errorf("no such change: got %d", code)
	}
	other := open(t, Options{Dir: runFolder(t, 1)})
	if code, _ := post(other, "/decide", map[string]any{"image": 0, "verdict": "keep"}); code != 405 {
		t.Errorf("without --edit: got %d, want 405", code)
	}
}

// TestTwoBrowsers: who decides about an image that another has decided about meanwhile is told so, and may then.
func TestTwoBrowsers(t *testing.T) {
	s := open(t, Options{Dir: runFolder(t, 2), Edit: true})
	if code, a := post(s, "/decide", map[string]any{"image": 1, "verdict": "reject", "reason": "dark"}); code != 200 {
		t.Fatal(code, a)
	}
	mine := map[string]any{"image": 1, "verdict": "keep"}
	code, a := post(s, "/decide", mine)
	now, _ := a["now"].(map[string]any)
	if code != http.StatusConflict || now["reason"] != "dark" || now["n"] != 1.0 {
		t.Fatalf("got %d, %v, want the other's decision", code, a)
	}
	mine["seen"] = 1
	if code, a := post(s, "/decide", mine); code != 200 || a["n"] != 2.0 {
		t.Errorf("knowing of it: got %d, %v", code, a)
	}
	if st := follow(t, s, func(st State) bool { return st.Done }); st.Decided != 2 || !st.Edit {
		t.Errorf("got %+v", st)
	}
	w := ask(s, nil, "/decisions")
	if !strings.Contains(w.Body.String(), `"verdict":"keep"`) || strings.Contains(w.Body.String(), "dark") {
		t.Errorf("the decisions are %s", w.Body)
	}
	s.Close()
	if s := open(t, Options{Dir: s.Dir, Edit: true}); s.journal.Len() != 2 {
		t.Errorf("opened again the journal has %d decisions", s.journal.Len())
	}
}

// FuzzRequests: whatever is asked for or posted, nothing from outside the folder comes, nothing without the token, and
// nothing is changed but by the page of this server. What is written lies beside the run, under the names that it may.
func FuzzRequests(f *testing.F) {
	dir := runFolder(f, 2)
	s := open(f, Options{Dir: dir, Edit: true})
	before, err := os.ReadFile(distill.ManifestFile(dir))
	if err != nil {
		f.Fatal(err)
	}
	own := "http://" + addr
	for _, path := range []string{"/", "/image/0", "/image/4", "/image/..%2fsecret.png", "/images", "/made/0",
		"/real/0", "/candidate/../../secret", "/decisions", "/neighbours/0"} {
		f.Add("GET", path, "", addr, true, "", "", "")
		f.Add("POST", path, "token=x", "evil", false, own, "application/json", "{}")
	}
	for path, body := range map[string]string{"/decide": `{"image": 0, "verdict": "keep", "seen": 0}`,
		"/again": `{"image": 0, "lambda": "1e999", "rule": "ddpm"}`, "/cancel": `{"job": 1}`,
		"/set": `{"name": "../../x"}`} {
		f.Add("POST", path, "", addr, true, own, "application/json", body)
		f.Add("POST", path, "", addr, true, "http://evil.example", "application/json", body)
		f.Add("POST", path, "", addr, true, own, "text/plain", body)
	}
	f.Fuzz(func(t *testing.T, method, path, query, host string, known bool, origin, kind, body string) {
		if path == "/events" {
			return // does not end; see TestAnswers
		}
		made := s.journal.Len()
		w := ask(s, func(r *http.Request) {
			r.Method, r.URL.RawQuery, r.Host = method, query, host
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
			r.Header.Set("Content-Type", kind)
			if origin != "" {
				r.Header.Set("Origin", origin)
			}
			if !known {
				r.Header.Del("Cookie")
			}
		}, path)
		if strings.Contains(w.Body.String(), "s3cr3t") || (!known && w.Code == http.StatusOK) ||
			(host != addr && w.Code < 400) {
			t.Errorf("%s %q?%q of %q, known %t: got %d and %.60q", method, path, query, host, known, w.Code, w.Body)
		}
		if s.journal.Len() != made && (!known || origin != own || method != http.MethodPost || path != "/decide" ||
			len(body) > mostBody) {
			t.Errorf("%s %q from %q, %q, decided", method, path, origin, kind)
		}
		if after, err := os.ReadFile(distill.ManifestFile(dir)); err != nil || !bytes.Equal(after, before) {
			t.Errorf("the manifest has changed: %v", err)
		}
		beside, err := os.ReadDir(filepath.Dir(dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range beside {
			if name := e.Name(); name != "run" && name != "run-review" && name != "secret.png" && name[0] != '.' &&
				!plainName.MatchString(name) {
				t.Errorf("there is %q now", name)
			}
		}
	})
}
