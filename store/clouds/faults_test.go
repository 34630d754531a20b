package clouds

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mgd3/store"
)

// faulty is a small S3 whose every second request goes wrong, each time in another way.
type faulty struct {
	sync.Mutex
	objects map[string][]byte
	faults  bool
	refuse  string // a code that all requests get
	count   map[string]int
	n       int
}

func (s *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.Lock()
	defer s.Unlock()
	s.count[r.Method]++
	if s.refuse != "" {
		status := http.StatusForbidden
		if s.refuse == "NoSuchBucket" {
			status = http.StatusNotFound
		}
		answerError(w, status, s.refuse)
		return
	}
	fault := -1
	if s.n++; s.faults && s.n%2 == 0 {
		fault = s.n / 2 % 6
	}
	switch conditional := r.Header.Get("If-None-Match") == "*"; {
	case fault == 0:
		answerError(w, http.StatusInternalServerError, "InternalError")
		return
	case fault == 1:
		answerError(w, http.StatusServiceUnavailable, "SlowDown")
		return
	case fault == 2:
		panic(http.ErrAbortHandler) // a reset before anything was done
	case fault == 3 && conditional: // as AWS documents it: another put is under way
		answerError(w, http.StatusConflict, "ConditionalRequestConflict")
		return
	case fault == 4: // done, and the answer lost
		s.do(httptest.NewRecorder(), r, body)
		panic(http.ErrAbortHandler)
	case fault == 5 && r.Method != http.MethodHead: // a reset in the middle of a body
		answer := httptest.NewRecorder()
		s.do(answer, r, body)
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Length", fmt.Sprint(answer.Body.Len()+1))
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
		panic(http.ErrAbortHandler)
	}
	s.do(w, r, body)
}

func answerError(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
}

var epoch = time.Unix(1e9, 0)

func (s *faulty) do(w http.ResponseWriter, r *http.Request, body []byte) {
	key := strings.TrimPrefix(r.URL.Path, "/lab/")
	data, there := s.objects[key]
	switch {
	case r.Method == http.MethodGet && r.URL.Query().Has("list-type"):
		type object struct {
			Key, LastModified string
			Size              int
		}
		var list struct {
			XMLName  xml.Name `xml:"ListBucketResult"`
			Contents []object
		}
		for key, data := range s.objects {
			if strings.HasPrefix(key, r.URL.Query().Get("prefix")) {
				list.Contents = append(list.Contents, object{key, epoch.UTC().Format(time.RFC3339), len(data)})
			}
		}
		slices.SortFunc(list.Contents, func(a, b object) int { return strings.Compare(a.Key, b.Key) })
		w.Header().Set("Content-Type", "application/xml")
		_ = xml.NewEncoder(w).Encode(list)
	case r.Method == http.MethodPut && there && r.Header.Get("If-None-Match") == "*":
		answerError(w, http.StatusPreconditionFailed, "PreconditionFailed")
	case r.Method == http.MethodPut:
		if r.Header.Get("X-Amz-Decoded-Content-Length") != "" { // in chunks with a checksum behind them
			body = dechunk(body)
		}
		s.objects[key] = body
	case r.Method == http.MethodDelete:
		delete(s.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case !there:
		answerError(w, http.StatusNotFound, "NoSuchKey")
	default:
		http.ServeContent(w, r, "", epoch, bytes.NewReader(data))
	}
}

// dechunk takes the chunks of AWS's encoding apart.
func dechunk(body []byte) (data []byte) {
	for {
		line, rest, ok := bytes.Cut(body, []byte("\r\n"))
		var n int
		if _, err := fmt.Sscanf(string(line), "%x", &n); !ok || err != nil || n == 0 || n > len(rest) {
			return data
		}
		data, body = append(data, rest[:n]...), rest[min(n+2, len(rest)):]
	}
}

// serve starts a store, and returns the path of its bucket.
func serve(t *testing.T, faults bool) (*faulty, string) {
	t.Setenv("AWS_ACCESS_KEY_ID", "me")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "TOPSECRET")
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_MAX_ATTEMPTS", "1") // the client's own tries would hide ours
	s := &faulty{objects: map[string][]byte{}, count: map[string]int{}, faults: faults}
	server := httptest.NewServer(s)
	server.Config.ErrorLog = nil
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	// a bucket is opened once in a process: each test has its own, by another name of the same server's
	path, err := store.Parse("s3://lab/" + t.Name() + "?use_path_style=true&endpoint=" + url.QueryEscape(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	return s, path
}

// TestFaults: whatever a store does, what is put is there once, whole, and what is read is what is there; an answer
// that was lost is no put of somebody else.
func TestFaults(t *testing.T) {
	s, dir := serve(t, true)
	for i := range 6 {
		path, want := filepath.Join(dir, fmt.Sprint("f", i)), bytes.Repeat([]byte{byte(i), 1}, 40000+i)
		err := store.Put(path, func(w io.Writer) error { _, err := w.Write(want); return err })
		if err != nil {
			t.Fatal(err)
		}
		if have, err := store.Read(path, 1<<20); err != nil || !bytes.Equal(have, want) {
			t.Fatalf("%d: read %d bytes, %v, want %d", i, len(have), err, len(want))
		}
		part := make([]byte, 100)
		f, err := store.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.ReadAt(part, 70000); err != nil || !bytes.Equal(part, want[70000:70100]) {
			t.Errorf("%d: got %v, %v", i, part[:4], err)
		}
		lock := filepath.Join(dir, fmt.Sprint("lock", i))
		for k, want := range []bool{true, false} {
			if put, err := store.PutNew(lock, []byte(fmt.Sprint("owner ", k))); put != want || err != nil {
				t.Errorf("%d: got %v, %v, want %v", i, put, err, want)
			}
		}
		if err := store.Remove(lock); err != nil {
			t.Error(err)
		}
	}
	files, err := store.List(context.Background(), dir)
	if err != nil || len(files) != 6 || len(s.objects) != 6 {
		t.Errorf("got %d files, %v, want 6", len(files), err)
	}
	// the same bucket, without faults: what each thing costs
	s.Lock()
	s.faults, s.count = false, map[string]int{}
	s.Unlock()
	at := filepath.Join(dir, "c")
	for _, c := range []struct {
		what string
		do   func() error
		want map[string]int
	}{
		{"put", func() error {
			return store.Put(at, func(w io.Writer) error { _, err := w.Write([]byte("x")); return err })
		}, map[string]int{"PUT": 1}},
		{"read", func() error { _, err := store.Read(at, 9); return err }, map[string]int{"GET": 1}},
		{"list", func() error { _, err := store.List(context.Background(), dir); return err },
			map[string]int{"GET": 1}},
		{"readdir", func() error { _, err := store.ReadDir(dir); return err }, map[string]int{"GET": 1}},
		{"remove", func() error { return store.Remove(at) }, map[string]int{"HEAD": 1, "DELETE": 1}},
	} {
		if err := c.do(); err != nil || fmt.Sprint(s.count) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v and the requests %v, want %v", c.what, err, s.count, c.want)
		}
		s.count = map[string]int{}
	}
	// what no other try heals is said at once, in a line, with the place and without a secret
	for code, want := range map[string]error{"NoSuchBucket": store.ErrBucket, "AccessDenied": store.ErrRefused,
		"InvalidAccessKeyId": store.ErrCredentials, "SignatureDoesNotMatch": store.ErrCredentials,
		"ExpiredToken": store.ErrCredentials} {
		s.refuse, s.count = code, map[string]int{}
		_, err := store.Read(filepath.Join(dir, "x"), 9)
		if !errors.Is(err, want) || !errors.Is(err, store.ErrStore) || s.count["GET"] != 1 ||
			!strings.Contains(err.Error(), "s3://lab/"+t.Name()+"/x") || strings.ContainsAny(err.Error(), "\n") ||
			strings.Contains(err.Error(), "TOPSECRET") {
			t.Errorf("%s: got %v after %v, want %v", code, err, s.count, want)
		}
	}
}
