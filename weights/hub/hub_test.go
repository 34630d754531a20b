package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const commit = "0123456789abcdef0123456789abcdef01234567"

// server is a hub of one repository, org/name, with faults on request. Files of more than 1000 bytes are
// LFS files: their content comes from another host, the CDN.
type server struct {
	*httptest.Server
	cdn   *httptest.Server
	files map[string][]byte

	mu       sync.Mutex
	requests []string // method, path and range of each
	tokens   []string // of the CDN's requests

	fault func(w http.ResponseWriter, r *http.Request) (done bool) // before anything else
	// send writes bytes from of the file; nil sends what was asked for.
	send func(w http.ResponseWriter, r *http.Request, data []byte, from int)
}

func newServer(t *testing.T) *server {
	s := &server{files: map[string][]byte{
		"config.json": []byte(`{"a": 1}`),
		"transformer/diffusion_pytorch_model.bin":      noise(50_000),
		"vae/diffusion_pytorch_model.safetensors":      noise(3_000),
		"vae/diffusion_pytorch_model.bin":              noise(2_000),
		"vae/diffusion_pytorch_model.fp16.safetensors": noise(1_500),
		"empty.txt": {},
	}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.hub))
	s.cdn = httptest.NewServer(http.HandlerFunc(s.blob))
	t.Cleanup(s.Close)
	t.Cleanup(s.cdn.Close)
	return s
}

// noise is n bytes that do not repeat soon.
func noise(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i * i >> 3)
	}
	return data
}

func sumOf(data []byte) string {
	if len(data) > 1000 {
		return fmt.Sprintf("%x", sha256.Sum256(data))
	}
	return fmt.Sprintf("%x", sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(data)), data...)))
}

func (s *server) note(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, strings.TrimSpace(r.Method+" "+r.URL.EscapedPath()+" "+r.Header.Get("Range")))
}

func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

func (s *server) hub(w http.ResponseWriter, r *http.Request) {
	s.note(r)
	if s.fault != nil && s.fault(w, r) {
		return
	}
	if strings.HasPrefix(r.URL.Path, "/api/models/org/name/revision/") {
		s.list(w)
		return
	}
	name, ok := strings.CutPrefix(r.URL.Path, "/org/name/resolve/"+commit+"/")
	data, there := s.files[name]
	if !ok || !there {
		w.Header().Set("X-Error-Code", "EntryNotFound")
		w.Header().Set("X-Error-Message", "Entry not found")
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("X-Repo-Commit", commit)
	if len(data) <= 1000 {
		w.Header().Set("ETag", `"`+sumOf(data)+`"`)
		s.content(w, r, data)
		return
	}
	w.Header().Set("ETag", `"of the redirect"`)
	w.Header().Set("X-Linked-Etag", `"`+sumOf(data)+`"`)
	w.Header().Set("X-Linked-Size", strconv.Itoa(len(data)))
	http.Redirect(w, r, s.cdn.URL+"/"+name+"?signature=secret", http.StatusFound)
}

func (s *server) list(w http.ResponseWriter) {
	var info struct {
		SHA      string              `json:"sha"`
		Siblings []map[string]string `json:"siblings"`
	}
	info.SHA = commit
	for name := range s.files {
		info.Siblings = append(info.Siblings, map[string]string{"rfilename": name})
	}
	_ = json.NewEncoder(w).Encode(info)
}

func (s *server) blob(w http.ResponseWriter, r *http.Request) {
	s.note(r)
	s.mu.Lock()
	s.tokens = append(s.tokens, r.Header.Get("Authorization"))
	s.mu.Unlock()
	s.content(w, r, s.files[strings.TrimPrefix(r.URL.Path, "/")])
}

func (s *server) content(w http.ResponseWriter, r *http.Request, data []byte) {
	from := 0
	if spec, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok {
		from, _ = strconv.Atoi(strings.TrimSuffix(spec, "-"))
	}
	if s.send != nil && r.Method == http.MethodGet {
		s.send(w, r, data, from)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(data)))
}

// breaks sends n bytes of what was asked for and breaks the connection.
func breaks(n int) func(http.ResponseWriter, *http.Request, []byte, int) {
	return func(w http.ResponseWriter, _ *http.Request, data []byte, from int) {
		w.Header().Set("Content-Length", strconv.Itoa(len(data)-from))
		if from > 0 {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
			w.WriteHeader(http.StatusPartialContent)
		}
		_, _ = w.Write(data[from:min(from+n, len(data))])
		_ = http.NewResponseController(w).Flush()
		if from+n < len(data) {
			panic(http.ErrAbortHandler)
		}
	}
}

// client returns one that gives up at the first fault without progress.
func (s *server) client(t *testing.T) *Client {
	for _, name := range []string{"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN",
		"HF_TOKEN_PATH", "HF_ENDPOINT"} {
		t.Setenv(name, "")
	}
	t.Setenv("HF_HOME", t.TempDir())
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetEndpoint(s.URL); err != nil {
		t.Fatal(err)
	}
	c.Tries, c.Pause, c.Silence = 1, time.Millisecond, 10*time.Second
	t.Cleanup(c.HTTP.CloseIdleConnections)
	return c
}

var repo = Repo{Model, "org/name", "main"}

// pull is Find and Fetch.
func pull(ctx context.Context, c *Client, want Want) (*Snapshot, error) {
	s, err := c.Find(ctx, repo, want)
	if err != nil {
		return nil, err
	}
	return s, c.Fetch(ctx, s)
}

// wantFiles fails if the snapshot does not hold just these files, byte by byte.
func (s *server) wantFiles(t *testing.T, dir string, names ...string) {
	t.Helper()
	var got []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		got = append(got, filepath.ToSlash(name))
		data, err := os.ReadFile(path)
		if string(data) != string(s.files[filepath.ToSlash(name)]) {
			t.Errorf("%s: has %d bytes that are not the hub's", name, len(data))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	if slices.Sort(got); !slices.Equal(got, names) {
		t.Errorf("the snapshot has %v, want %v", got, names)
	}
}

// wantNothingNamed fails if the cache holds any file under a final name.
func wantNothingNamed(t *testing.T, c *Client) {
	t.Helper()
	_ = filepath.WalkDir(c.repoDir(repo), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && !strings.HasSuffix(path, ".incomplete") {
			t.Errorf("%s is there", path)
		}
		return nil
	})
}

const big = "transformer/diffusion_pytorch_model.bin"

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

func TestLies(t *testing.T) {
	whole := func(change func([]byte) []byte) func(http.ResponseWriter, *http.Request, []byte, int) {
		return func(w http.ResponseWriter, _ *http.Request, data []byte, _ int) {
			data = change(slices.Clone(data))
			w.Header().Set("Content-Length", strconv.Itoa(len(data)))
			_, _ = w.Write(data)
		}
	}
	flip := func(d []byte) []byte { d[777] ^= 1; return d }
	tests := []struct {
		name string
		send func(http.ResponseWriter, *http.Request, []byte, int)
		head map[string]string // in place of the true headers
		kind error
		text string
	}{
		{"wrong bytes", whole(flip), nil, ErrCorrupt, "the file's hash is"},
		{"too long", whole(func(d []byte) []byte { return append(d, 'x') }), nil, ErrCorrupt,
			"50001 bytes, want 50000"},
		{"too short", whole(func(d []byte) []byte { return d[:49_999] }), nil, ErrCorrupt, "49999 bytes, want 50000"},
		{"too long, of no length", func(w http.ResponseWriter, _ *http.Request, d []byte, _ int) {
			_ = http.NewResponseController(w).Flush()
			_, _ = w.Write(append(slices.Clone(d), d...))
		}, nil, ErrCorrupt, "longer than 50000"},
		{"too short, of no length", func(w http.ResponseWriter, _ *http.Request, d []byte, from int) {
			_ = http.NewResponseController(w).Flush()
			if from == 0 {
				_, _ = w.Write(d[:100])
			}
		}, nil, ErrNetwork, "it ends after"},
		{"another part", func(w http.ResponseWriter, _ *http.Request, d []byte, _ int) {
			w.Header().Set("Content-Range", "bytes 7-49999/50000")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(d[7:])
		}, nil, ErrCorrupt, "want those from 0 on"},
		{"a size beyond the file's", nil, map[string]string{"X-Linked-Size": "50001"}, ErrCorrupt,
			"50000 bytes, want 50001"},
		{"a size below the file's", nil, map[string]string{"X-Linked-Size": "49999"}, ErrCorrupt,
			"50000 bytes, want 49999"},
		{"no size", nil, map[string]string{"X-Linked-Size": "-5"}, ErrCorrupt, "no size"},
		{"a size of letters", nil, map[string]string{"X-Linked-Size": "much"}, ErrCorrupt, `the size "much"`},
		{"no hash", nil, map[string]string{"X-Linked-Etag": `"latest"`}, ErrCorrupt, "want a hash"},
		{"a path as a hash", nil, map[string]string{"X-Linked-Etag": `"../../../evil"`}, ErrCorrupt, "want a hash"},
		{"another hash", nil, map[string]string{"X-Linked-Etag": strings.Repeat("a", 64)}, ErrCorrupt, "want aaaa"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t)
			c := s.client(t)
			s.send = test.send
			if test.head != nil {
				s.fault = func(w http.ResponseWriter, r *http.Request) bool {
					if r.Method != http.MethodHead {
						return false
					}
					w.Header().Set("X-Linked-Etag", sumOf(s.files[big]))
					w.Header().Set("X-Linked-Size", "50000")
					for key, value := range test.head {
						w.Header().Set(key, value)
					}
					return true
				}
			}
			_, err := pull(t.Context(), c, Want{Include: []string{big}})
			if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.text) ||
				!strings.Contains(err.Error(), big) {
				t.Errorf("got %v, want %v of %s with %q", err, test.kind, big, test.text)
			}
			wantNothingNamed(t, c)
			left, _ := filepath.Glob(filepath.Join(c.repoDir(repo), "blobs", "*.incomplete"))
			if test.kind == ErrCorrupt && len(left) != 0 {
				t.Errorf("%v is left", left)
			}
			if s.send, s.fault = nil, nil; t.Failed() {
				return
			}
			snap, err := pull(t.Context(), c, Want{Include: []string{big}}) // an honest hub afterwards
			if err != nil {
				t.Fatal(err)
			}
			s.wantFiles(t, snap.Dir, big)
		})
	}
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

func TestRefusals(t *testing.T) {
	gated := func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Path, "/api/") || r.Header.Get("Authorization") == "Bearer secret" {
			return false
		}
		w.Header().Set("X-Error-Code", "GatedRepo")
		w.Header().Set("X-Error-Message", "Access to model org/name is restricted.\u009b31m")
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	status := func(code int, header ...string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
			return true
		}
	}
	tests := []struct {
		name  string
		fault func(http.ResponseWriter, *http.Request) bool
		kind  error
		text  string
		asked int // requests
	}{
		{"gated", gated, ErrAccess, "restricted", 2},
		{"forbidden", status(403), ErrAccess, "403", 1},
		{"no such repository", status(401, "X-Error-Code", "RepoNotFound"), ErrNotFound, "401", 1},
		{"no such revision", status(404), ErrNotFound, "404", 1},
		{"out of order", status(503), ErrNetwork, "503", 3},
		{"too many", status(429, "Retry-After", "0"), ErrNetwork, "429", 3},
		{"too many for hours", status(429, "Retry-After", "7200"), ErrNetwork, "429", 1},
		{"a page", func(w http.ResponseWriter, _ *http.Request) bool { fmt.Fprint(w, "<html>"); return true },
			ErrCorrupt, "list of files", 1},
		{"no commit", func(w http.ResponseWriter,
			_ *http.Request) bool {
			fmt.Fprint(w, `{"sha": "../.."}`)
			return true
		}, ErrCorrupt, "commit", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t)
			s.fault = test.fault
			c := s.client(t)
			c.Tries = 3
			_, err := pull(t.Context(), c, Want{Include: []string{big}})
			if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.text) ||
				strings.Contains(err.Error(), "\u009b") {
				t.Errorf("got %v, want %v with %q", err, test.kind, test.text)
			}
			if s.count() != test.asked {
				t.Errorf("there were %d requests, want %d: %v", s.count(), test.asked, s.requests)
			}
			wantNothingNamed(t, c)
		})
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

func TestNamesThatLeaveTheFolder(t *testing.T) {
	for _, name := range []string{"../../evil", "/etc/passwd", "a/../../b", `a\..\..\b`, "..", ".", "", "a//b",
		"c:evil", "a\x00b", "a\nb"} {
		s := newServer(t)
		s.files[name] = []byte("evil")
		c := s.client(t)
		_, err := pull(t.Context(), c, Want{})
		if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "a file of the name") {
			t.Errorf("%q: got %v, want ErrCorrupt", name, err)
		}
		if s.count() != 1 {
			t.Errorf("%q: %v, want one request", name, s.requests)
		}
		if entries, _ := os.ReadDir(os.Getenv("HF_HOME")); len(entries) != 0 {
			t.Errorf("%q: %v is there", name, entries)
		}
	}
}

// A file that is also a folder: its link leads to a blob, never to a place to write to.
func TestAFileThatIsAFolder(t *testing.T) {
	s := newServer(t)
	for _, files := range []map[string][]byte{
		{"a": []byte("1"), "a/b": []byte("2")},
		{"a": []byte("1"), "a/b/c": []byte("2"), "z": []byte("3")},
		{"x/a": []byte("1"), "x/a/b": []byte("2")},
	} {
		s.files = files
		c := s.client(t)
		_, err := pull(t.Context(), c, Want{})
		if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "below it") {
			t.Errorf("got %v, want ErrCorrupt", err)
		}
		wantNoSnapshot(t, c)
	}
}

// wantNoSnapshot checks that nothing of a repository is in the cache.
func wantNoSnapshot(t *testing.T, c *Client) {
	t.Helper()
	if entries, err := os.ReadDir(c.repoDir(repo)); len(entries) > 0 {
		t.Errorf("%v, %v is there", entries, err)
	}
}

// TestNothingToPull: a repository without files, and answers that are no list of them, leave nothing behind.
func TestNothingToPull(t *testing.T) {
	for _, test := range []struct{ answer, says string }{
		{`{"sha": "` + commit + `", "siblings": []}`, "org/name has no files"},
		{`{"sha": "` + commit + `"}`, "org/name has no files"},
		{`<!DOCTYPE html><html><body>Log in to the network</body></html>`, "it is a page of HTML"},
		{`{"error": "Repository not found"}`, "an error message of a server in JSON"},
		{`[]`, "is not the JSON that it should be"},
		{`{"sha": 7}`, "is not the JSON that it should be"},
		{`{"sha": "` + commit + `", "siblings": {"a": 1}}`, "is not the JSON that it should be"},
		{``, "is not the JSON that it should be"},
	} {
		s := newServer(t)
		s.fault = func(w http.ResponseWriter, _ *http.Request) bool {
			_, _ = w.Write([]byte(test.answer))
			return true
		}
		c := s.client(t)
		_, err := pull(t.Context(), c, Want{})
		if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "unmarshal") {
			t.Errorf("%s: got %v, want one that says %q", test.answer, err, test.says)
		}
		wantNoSnapshot(t, c)
	}
}

// TestThePlaceIsTaken: what stands in the cache where a link must go is named, and no other link is made.
func TestThePlaceIsTaken(t *testing.T) {
	for _, taken := range []struct{ folder, file, says string }{
		{"z/in", "", "is a folder, want the place of a file"},
		{"", "y", "is a file, want a folder"},
	} {
		s := newServer(t)
		s.files = map[string][]byte{"a": []byte("1"), "y/b": []byte("2"), "z": []byte("3")}
		c := s.client(t)
		dir := c.snapshotDir(&Snapshot{Repo: repo, Commit: commit})
		if err := os.MkdirAll(filepath.Join(dir, taken.folder), 0o755); err != nil {
			t.Fatal(err)
		}
		if taken.file != "" {
			if err := os.WriteFile(filepath.Join(dir, taken.file), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := pull(t.Context(), c, Want{}); err == nil || !strings.Contains(err.Error(), taken.says) {
			t.Errorf("got %v, want one that says %q", err, taken.says)
		}
		if _, err := os.Lstat(filepath.Join(dir, "a")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a link is made: %v", err)
		}
		if _, err := os.Stat(c.refPath(repo)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the revision is noted: %v", err)
		}
	}
}

func TestOffline(t *testing.T) {
	s := newServer(t)
	c := s.client(t)
	some := Want{Include: []string{"config.json", "vae/*"}, Lean: true}
	if _, err := c.Cached(t.Context(), repo, some); !errors.Is(err, ErrOffline) ||
		!strings.Contains(err.Error(), "org/name") {
		t.Fatalf("nothing there: got %v, want ErrOffline", err)
	}
	if _, err := pull(t.Context(), c, some); err != nil {
		t.Fatal(err)
	}
	before := s.count()
	defer func() {
		if s.count() != before {
			t.Errorf("there were %d requests", s.count()-before)
		}
	}()
	snap, err := c.Cached(t.Context(), repo, some)
	if err != nil {
		t.Fatal(err)
	}
	s.wantFiles(t, snap.Dir, "config.json", "vae/diffusion_pytorch_model.safetensors")
	if n, _ := snap.Missing(); n != 0 || len(snap.Files) != 2 || snap.Commit != commit {
		t.Errorf("got %+v, want 2 files, none missing", snap)
	}
	if _, err := c.Cached(t.Context(), repo, Want{}); !errors.Is(err, ErrOffline) ||
		!strings.Contains(err.Error(), "empty.txt") {
		t.Errorf("all files: got %v, want ErrOffline that names empty.txt", err)
	}
	if _, err := c.Cached(t.Context(), Repo{Model, "org/name", commit}, some); err != nil {
		t.Errorf("by commit: %v", err)
	}

	// Python's cache has no list of files.
	if err := os.RemoveAll(filepath.Join(c.repoDir(repo), "info")); err != nil {
		t.Fatal(err)
	}
	if snap, err := c.Cached(t.Context(), repo, some); err != nil || len(snap.Files) != 2 {
		t.Errorf("Python's cache: %+v, %v", snap, err)
	}
	if _, err := c.Cached(t.Context(), repo, Want{Include: []string{big}}); !errors.Is(err, ErrOffline) {
		t.Errorf("Python's cache: got %v, want ErrOffline", err)
	}
	if err := os.Remove(c.blobPath(repo, sumOf(s.files["config.json"]))); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Cached(t.Context(), repo, some); !errors.Is(err, ErrOffline) ||
		!strings.Contains(err.Error(), "config.json") {
		t.Errorf("a link to nothing: got %v, want ErrOffline that names config.json", err)
	}
}

func TestWant(t *testing.T) {
	names := []string{"a.bin", "b.bin", "b.safetensors", "c.fp16.safetensors", "d.fp16.safetensors", "d.safetensors",
		"sub/e.json"}
	tests := []struct {
		want Want
		got  string // space between names; an error if empty
	}{
		{Want{}, strings.Join(names, " ")},
		{Want{Lean: true}, "a.bin b.safetensors c.fp16.safetensors d.safetensors sub/e.json"},
		{Want{Include: []string{"*.json"}}, "sub/e.json"},
		{Want{Include: []string{"b*"}}, "b.bin b.safetensors"},
		{Want{Include: []string{"b*"}, Lean: true}, "b.safetensors"},
		{Want{Include: []string{"b.bin"}}, "b.bin"},
		{Want{Include: []string{"a*", "[ab].bin"}}, "a.bin b.bin"},
		{Want{Include: []string{"*.json", "*.txt"}}, ""},
		{Want{Include: []string{"["}}, ""},
	}
	for _, test := range tests {
		got, err := test.want.choose(names)
		if (err != nil) != (test.got == "") || strings.Join(got, " ") != test.got {
			t.Errorf("%+v: got %v, %v, want %q", test.want, got, err, test.got)
		}
	}
}

func TestParseRepo(t *testing.T) {
	tests := []struct {
		in   string
		want Repo
	}{
		{"org/name", Repo{Model, "org/name", "main"}},
		{"name", Repo{Model, "name", "main"}},
		{"datasets/org/name@v1.0", Repo{Dataset, "org/name", "v1.0"}},
		{"org/name@refs/pr/1", Repo{Model, "org/name", "refs/pr/1"}},
	}
	for _, test := range tests {
		if got, err := ParseRepo(test.in); err != nil || got != test.want {
			t.Errorf("%s: got %+v, %v, want %+v", test.in, got, err, test.want)
		}
	}
	for _, bad := range []string{"", "/", "a/b/c", "../x", "a/..", "-a/b", "a--b/c", "a b/c", "a/b@", "a/b@../x",
		"a/b@/x", `a/b@x\y`, "a/b@x@:y", "https://h/a/b"} {
		if got, err := ParseRepo(bad); !errors.Is(err, ErrName) {
			t.Errorf("%q: got %+v, %v, want ErrName", bad, got, err)
		}
	}
}

func TestARevisionWithSlashes(t *testing.T) {
	s := newServer(t)
	c := s.client(t)
	snap, err := c.Find(t.Context(), Repo{Model, "org/name", "refs/pr/1"}, Want{Include: []string{"config.json"}})
	if err == nil {
		err = c.Fetch(t.Context(), snap)
	}
	if err != nil {
		t.Fatal(err)
	}
	if want := "GET /api/models/org/name/revision/refs%2Fpr%2F1"; s.requests[0] != want {
		t.Errorf("asked for %q, want %q", s.requests[0], want)
	}
	if _, err := os.Stat(filepath.Join(c.repoDir(repo), "refs", "refs", "pr", "1")); err != nil {
		t.Error(err)
	}
}

func TestTheTokenStaysWithTheHub(t *testing.T) {
	s := newServer(t)
	c := s.client(t)
	c.Token = "secret"
	var got []string
	s.fault = func(_ http.ResponseWriter, r *http.Request) bool {
		got = append(got, r.Header.Get("Authorization"))
		return false
	}
	if _, err := pull(t.Context(), c, Want{Include: []string{big}}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"Bearer secret", "Bearer secret", "Bearer secret"}; !slices.Equal(got, want) {
		t.Errorf("the hub got %q, want %q", got, want)
	}
	if want := []string{""}; !slices.Equal(s.tokens, want) {
		t.Errorf("the other host got %q, want one request without a token", s.tokens)
	}
	if open := mustRequest(t, "http://mirror.example/x"); private(open.URL) {
		t.Error("http://mirror.example is taken for private")
	}
	from, to := mustRequest(t, "https://hub.example/x"), mustRequest(t, "http://hub.example/x")
	if redirect(to, []*http.Request{from}) == nil {
		t.Error("a redirect from https to http is followed")
	}
}

func mustRequest(t *testing.T, address string) *http.Request {
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestErrorsKeepSignaturesSecret(t *testing.T) {
	s := newServer(t)
	c := s.client(t)
	s.cdn.Close()
	_, err := pull(t.Context(), c, Want{Include: []string{big}})
	if !errors.Is(err, ErrNetwork) || strings.Contains(err.Error(), "signature") {
		t.Errorf("got %v, want ErrNetwork without the address", err)
	}
}

// The proxies of the environment are read once in a program, so another one asks.
func TestProxy(t *testing.T) {
	if os.Getenv("HUB_TEST_PROXY") != "" {
		c, err := New()
		if err == nil {
			_, err = pull(t.Context(), c, Want{Include: []string{"config.json"}})
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	s := newServer(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProxy$")
	cmd.Env = []string{"HUB_TEST_PROXY=1", "HTTP_PROXY=" + s.URL, "HF_ENDPOINT=http://hub.invalid", "HF_HOME=" +
		t.TempDir()}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if s.count() != 3 {
		t.Errorf("the proxy got %v, want the list, the headers and the file", s.requests)
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

func TestEnvironment(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	names := []string{"HOME", "XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN",
		"HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_ENDPOINT"}
	tests := []struct {
		env                    map[string]string
		cache, token, endpoint string
	}{
		{map[string]string{"HOME": "/h"}, "/h/.cache/huggingface/hub", "", defaultEndpoint},
		{map[string]string{"HOME": "/h", "XDG_CACHE_HOME": "/x"}, "/x/huggingface/hub", "", defaultEndpoint},
		{map[string]string{"HF_HOME": dir}, filepath.Join(dir, "hub"), "from-file", defaultEndpoint},
		{map[string]string{"HF_HOME": dir, "HF_TOKEN": " t ", "HF_HUB_CACHE": "/c"}, "/c", "t", defaultEndpoint},
		{map[string]string{"HF_HOME": "/none", "HF_TOKEN_PATH": filepath.Join(dir, "token"),
			"HF_ENDPOINT": "https://m.example/hf/"},
			"/none/hub", "from-file", "https://m.example/hf"},
	}
	for _, test := range tests {
		for _, name := range names {
			t.Setenv(name, test.env[name])
		}
		c, err := New()
		if err != nil || c.Cache != test.cache || c.Token != test.token || c.Endpoint != test.endpoint {
			t.Errorf("%v: got cache %s, token %q, hub %s, %v", test.env, c.Cache, c.Token, c.Endpoint, err)
		}
	}
	for _, bad := range []string{"mirror.example", "ftp://m.example", "https://", "https://u:p@m.example",
		"https://m.example/?x=1"} {
		if err := new(Client).SetEndpoint(bad); !errors.Is(err, ErrName) {
			t.Errorf("%s: got %v, want ErrName", bad, err)
		}
	}
}

func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Table {
		if seen[k.Name] || strings.Contains(k.Name, "/") {
			t.Errorf("%s: twice, or like a repository", k.Name)
		}
		seen[k.Name] = true
		if err := k.Repo.check(); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
		if k.Size == "" || k.Licence == "" || k.Flag == "" || len(k.Want.Include) == 0 {
			t.Errorf("%s: lacks its size, licence, flag or files", k.Name)
		}
		for _, pattern := range k.Want.Include {
			if _, err := match(pattern, "x"); err != nil {
				t.Errorf("%s: %s: %v", k.Name, pattern, err)
			}
			if k.Folder != "" && !strings.HasPrefix(pattern, k.Folder+"/") {
				t.Errorf("%s: %s is not below %s", k.Name, pattern, k.Folder)
			}
		}
		if found, ok := Lookup(k.Name); !ok || found.Repo != k.Repo {
			t.Errorf("%s is not found", k.Name)
		}
	}
	for _, name := range []string{"dit-xl-2-256", "dit-xl-2-512", "imagenet-1k"} {
		if k, _ := Lookup(name); !k.Research {
			t.Errorf("%s: is not marked as for research only", name)
		}
	}
}

func FuzzInfo(f *testing.F) {
	f.Add([]byte(`{"sha": "` + commit + `", "siblings": [{"rfilename": "a/b.json"}, {"rfilename": "a/b.json"}, {"rfilename": "c"}]}`))
	f.Add([]byte(`{"sha": "` + commit + `", "siblings": [{"rfilename": "../../evil"}]}`))
	f.Add([]byte(`{"sha": 7, "siblings": {}}`))
	f.Add([]byte(`<html>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, names, err := parseInfo(data)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("got %v, want ErrCorrupt", err)
			}
			return
		}
		if !commitForm.MatchString(got) || !slices.IsSorted(names) {
			t.Errorf("commit %q, names %q", got, names)
		}
		for _, name := range names {
			if !filepath.IsLocal(filepath.FromSlash(name)) || filepath.Join("d", name) != "d/"+name {
				t.Errorf("%q leaves the folder", name)
			}
		}
	})
}
