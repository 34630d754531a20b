// Package storetest is a small S3 in a test's own process, for package store and all that keeps things in buckets: it
// counts what is asked of it, and goes wrong in the ways that stores do. It knows single puts, puts on condition, reads
// of ranges, lists without pages, and removals.
package storetest

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "gocloud.dev/blob/s3blob"

	"mgd3/store"
)

// Fault is a way in which an answer goes wrong.
type Fault int

// The faults.
const (
	None     Fault = iota
	Internal       // 500
	SlowDown       // 503, as a store that has too much to do
	Reset          // the connection ends before anything is done
	Conflict       // of a put on condition: another one is under way, as AWS documents it
	Lost           // it is done, and the answer is lost
	CutShort       // the answer's body ends in its middle
	Slow           // the answer's body comes in small parts, with a pause before each
	Stalled        // the answer's body stops in its middle, and the connection stays
	Silent         // no answer comes, and the connection stays
)

// Ways are all faults that a client heals by another try.
var Ways = []Fault{Internal, SlowDown, Reset, Conflict, Lost, CutShort, Slow}

// Server is the store. Its fields may be changed under its lock.
type Server struct {
	sync.Mutex
	Objects map[string][]byte // by key
	Fault   func() Fault      // of the next request; nil is none
	Refuse  string            // a code that all requests get
	Count   map[string]int    // requests by method
	Sent    int               // bytes of objects
	Ahead   time.Duration     // how much its clock is ahead
	PerTick int               // requests in a tenth of a second, more are told to slow down; 0 is no bound

	times map[string]time.Time
	tick  int64
	inIt  int
	name  string
}

// New starts a store for a test, which finds its credentials in the environment.
func New(t *testing.T) *Server {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "me")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "TOPSECRET")
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_MAX_ATTEMPTS", "1") // the client's own tries would hide ours
	s := &Server{Objects: map[string][]byte{}, Count: map[string]int{}, times: map[string]time.Time{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.CloseClientConnections)
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	// a bucket is opened once in a process: each store has one of its own name
	s.name = "lab-" + server.Listener.Addr().String()[strings.LastIndexByte(server.Listener.Addr().String(), ':')+1:]
	settings := "?use_path_style=true&endpoint=" + url.QueryEscape(server.URL)
	if _, err := store.Parse("s3://" + s.name + settings); err != nil {
		t.Fatal(err)
	}
	return s
}

// Path is the path of a key.
func (s *Server) Path(key string) string {
	path, err := store.Parse("s3://" + s.name + "/" + key)
	if err != nil {
		panic(err) // New parsed the same
	}
	return path
}

// Put puts an object past the client.
func (s *Server) Put(key string, data []byte) {
	s.Lock()
	defer s.Unlock()
	s.put(key, data)
}

func (s *Server) put(key string, data []byte) {
	s.Objects[key], s.times[key] = data, time.Now().Add(s.Ahead)
}

// Reset counts from 0 again.
func (s *Server) Reset() {
	s.Lock()
	defer s.Unlock()
	s.Count, s.Sent = map[string]int{}, 0
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.Lock()
	s.Count[r.Method]++
	fault := None
	switch {
	case s.Refuse != "":
		status := http.StatusForbidden
		if s.Refuse == "NoSuchBucket" {
			status = http.StatusNotFound
		}
		answerError(w, status, s.Refuse)
		s.Unlock()
		return
	case s.tooMany():
		fault = SlowDown
	case s.Fault != nil:
		fault = s.Fault()
	}
	if fault == Conflict && r.Header.Get("If-None-Match") != "*" || fault > Lost && r.Method == http.MethodHead {
		fault = None
	}
	answer := httptest.NewRecorder()
	if fault == None || fault >= Lost && fault != Silent {
		s.do(answer, r, body)
	}
	s.Unlock() // who waits below keeps nobody from the store
	wrong(w, r, answer, fault)
}

// tooMany reports whether the bound of a moment is passed.
func (s *Server) tooMany() bool {
	if now := time.Now().UnixMilli() / 100; now != s.tick {
		s.tick, s.inIt = now, 0
	}
	s.inIt++
	return s.PerTick > 0 && s.inIt > s.PerTick
}

// wrong sends an answer, with what goes wrong.
func wrong(w http.ResponseWriter, r *http.Request, answer *httptest.ResponseRecorder, fault Fault) {
	data := answer.Body.Bytes()
	switch fault {
	case Internal:
		answerError(w, http.StatusInternalServerError, "InternalError")
		return
	case SlowDown:
		answerError(w, http.StatusServiceUnavailable, "SlowDown")
		return
	case Conflict:
		answerError(w, http.StatusConflict, "ConditionalRequestConflict")
		return
	case Reset, Lost:
		panic(http.ErrAbortHandler)
	case Silent:
		<-r.Context().Done()
		return
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	if fault == CutShort || fault == Stalled {
		w.Header().Set("Content-Length", fmt.Sprint(len(data)+1))
	}
	w.WriteHeader(answer.Code)
	switch flush := http.NewResponseController(w); fault {
	case CutShort:
		_, _ = w.Write(data[:len(data)/2])
		panic(http.ErrAbortHandler)
	case Stalled:
		_, _ = w.Write(data[:len(data)/2])
		_ = flush.Flush()
		<-r.Context().Done()
	case Slow:
		const parts = 5
		for part := range slices.Chunk(data, len(data)/parts+1) {
			_, _ = w.Write(part)
			_ = flush.Flush()
			time.Sleep(time.Millisecond)
		}
	default:
		_, _ = w.Write(data)
	}
}

func answerError(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
}

func (s *Server) do(w *httptest.ResponseRecorder, r *http.Request, body []byte) {
	key := strings.TrimPrefix(r.URL.Path, "/"+s.name+"/")
	data, there := s.Objects[key]
	switch {
	case r.Method == http.MethodGet && r.URL.Query().Has("list-type"):
		s.list(w, r.URL.Query().Get("prefix"), r.URL.Query().Get("delimiter"))
	case r.Method == http.MethodPut && there && r.Header.Get("If-None-Match") == "*":
		answerError(w, http.StatusPreconditionFailed, "PreconditionFailed")
	case r.Method == http.MethodPut:
		if r.Header.Get("X-Amz-Decoded-Content-Length") != "" { // in chunks with a checksum behind them
			body = dechunk(body)
		}
		s.put(key, body)
	case r.Method == http.MethodDelete:
		delete(s.Objects, key)
		w.WriteHeader(http.StatusNoContent)
	case !there:
		answerError(w, http.StatusNotFound, "NoSuchKey")
	default:
		http.ServeContent(w, r, "", s.times[key], bytes.NewReader(data))
		s.Sent += w.Body.Len()
	}
}

// list answers with all objects below a prefix, and folders where there is a delimiter.
func (s *Server) list(w http.ResponseWriter, prefix, delimiter string) {
	type object struct {
		Key, LastModified string
		Size              int
	}
	type folder struct{ Prefix string }
	var list struct {
		XMLName        xml.Name `xml:"ListBucketResult"`
		Contents       []object
		CommonPrefixes []folder
	}
	for key, data := range s.Objects {
		rest, below := strings.CutPrefix(key, prefix)
		first, _, deeper := strings.Cut(rest, "/")
		in := folder{prefix + first + "/"}
		switch {
		case !below:
		case !deeper || delimiter == "":
			list.Contents = append(list.Contents, object{key, s.times[key].UTC().Format(time.RFC3339), len(data)})
		case !slices.Contains(list.CommonPrefixes, in):
			list.CommonPrefixes = append(list.CommonPrefixes, in)
		}
	}
	slices.SortFunc(list.Contents, func(a, b object) int { return strings.Compare(a.Key, b.Key) })
	slices.SortFunc(list.CommonPrefixes, func(a, b folder) int { return strings.Compare(a.Prefix, b.Prefix) })
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(list)
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
