package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
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
