package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

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

// TestThePlaceIsTaken: what is in the cache where a link must go is named, and no other link is made.
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
