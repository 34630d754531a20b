// Package serve shows the folder of a run in the browser of whoever runs it: a grid of all images that jumps to any of
// them, and how far a run is that is still going. It reads; with Options.Edit somebody can decide about images, and
// have one made again, which is written beside the run, see package review. The run itself is never changed.
//
//	GET /?token=T      takes the token into a cookie and goes to /
//	GET /              the page; its filters stand in the address
//	GET /images        the images of the manifest, as JSON, a list for each column
//	GET /image/N       the N-th of them
//	GET /made/N        the N-th image that was found of a run that goes on
//	GET /neighbours/N  the real images nearest to the mode of image N; /real/N is one of them
//	GET /events        the State, as server-sent events
//
// With Options.Edit:
//
//	GET /decisions     the decisions, as JSON
//	POST /decide       a decision about an image
//	POST /again        makes an image again; /cancel ends that, /preview/K is the image on its way
//	GET /candidate/ID  an image that was made again
//	POST /set          writes the new set
//
// Nobody else gets in: an address of this machine alone, a token for each start, the Host and the Origin of a request
// held against that address, since a page of another server can make a browser ask (DNS rebinding), and a policy that
// lets the page load nothing from elsewhere. What changes something must say its Origin, and be JSON, which no form of
// another page can send. Images are asked for by number, so no request names a file.
package serve

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/review"
	"mgd3/store"
)

// Bounds on what a client can take up. An answer is made while its request holds one of mostAtOnce places and sent when
// it has given it back, so memory is bounded by the places and a slow reader keeps none of them.
const (
	mostAtOnce = 64       // requests in work
	mostEvents = 64       // streams of events beside them
	mostConns  = 1024     // connections
	mostImage  = 64 << 20 // bytes of an image
	mostBody   = 16 << 10 // bytes of what is posted
	cookieName = "mgd3"
)

// Options say what is shown, and what can be done.
type Options struct {
	Dir  string // of a run, on a disk or in a bucket
	Addr string // HOST:PORT
	Edit bool

	// Open opens the networks of the run, when an image is first made again; nil: none can be.
	Open    func(context.Context) (r *distill.Run, close func(), err error)
	Real    *dataset.Set // real images, to be shown beside; nil: none
	Latents string       // folder of their latents; "" is that below Dir
}

// Server shows one folder.
type Server struct {
	Options
	Token string

	listing atomic.Pointer[listing]
	journal *review.Journal // nil where nothing can be changed
	watch   *watcher
	jobs    jobs
	real    realImages
	places  chan struct{} // of ordinary requests, until their answer is there
	streams chan struct{} // of events, which last: a place for themselves, so that they take nobody else's
}

// New opens the folder of a run. A run that is still going has no manifest yet: its images are shown as they are found,
// and decided about when it is done. cut is what a killed process left of a decision, see [review.OpenJournal].
func New(o Options) (_ *Server, cut int, err error) {
	if info, err := store.Stat(o.Dir); err != nil {
		return nil, 0, err
	} else if !info.IsDir() {
		return nil, 0, fmt.Errorf("%q is no folder, want that of a run", o.Dir)
	}
	s := &Server{Options: o, Token: rand.Text(), places: make(chan struct{}, mostAtOnce),
		streams: make(chan struct{}, mostEvents)}
	s.watch = newWatcher(s.state)
	there, err := s.load()
	if err != nil {
		return nil, 0, err
	}
	if o.Edit && !there {
		return nil, 0, fmt.Errorf("%q is not finished, and so nothing can be decided about its images yet", o.Dir)
	}
	if o.Edit {
		if s.journal, cut, err = review.OpenJournal(o.Dir); err != nil {
			return nil, 0, err
		}
	}
	return s, cut, nil
}

// Close ends the image that is being made, waits for it, and unlocks the journal. The Server is of no use afterwards.
func (s *Server) Close() {
	s.jobs.close()
	if s.journal != nil {
		s.journal.Close()
	}
}

// Nothing reports whether the folder has no sign of a run: it may be the wrong one, or a run that is yet to begin.
func (s *Server) Nothing() bool {
	st := s.state(true)
	return !st.Done && st.Run == nil && st.Latents+st.Modes+st.Images == 0
}

// URL is the address to open.
func (s *Server) URL() string { return "http://" + s.Addr + "/?token=" + s.Token }

// Serve answers until the context ends, which is no error. Timeouts bound how long a client can keep a connection: 5 s
// for the header, 10 s for a request, 30 s for an answer; streams of events set their own, since they last.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	var conns atomic.Int64
	server := &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ConnState: func(c net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				if conns.Add(1) > mostConns {
					_ = c.Close()
				}
			case http.StateClosed, http.StateHijacked:
				conns.Add(-1)
			}
		}}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// refusal is why a request gets no answer, with its status; 0 of one that may go on to the token. Host is compared even
// where the token would do, against DNS rebinding: a page of another name that resolves to this machine sends that
// name. Of requests that change something a browser always sends Origin; one without it is none of the page.
func (s *Server) refusal(r *http.Request) (int, string) {
	origin, site := r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site")
	switch {
	case r.Host != s.Addr || (origin != "" && origin != "http://"+s.Addr):
		return http.StatusForbidden, "this is for " + s.Addr + " alone"
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return 0, ""
	case r.Method != http.MethodPost || s.journal == nil:
		return http.StatusMethodNotAllowed, "nothing can be changed here"
	case origin == "" || (site != "" && site != "same-origin"):
		return http.StatusForbidden, "only the page of " + s.Addr + " may change something"
	case !slices.Contains([]string{"application/json", "application/json; charset=utf-8"},
		strings.ToLower(r.Header.Get("Content-Type"))):
		return http.StatusUnsupportedMediaType, "want JSON"
	case r.ContentLength > mostBody:
		return http.StatusRequestEntityTooLarge, "too long"
	}
	return 0, ""
}

// ServeHTTP lets in who may, and answers.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
		"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if status, why := s.refusal(r); status != 0 {
		http.Error(w, why, status)
		return
	}
	if r.URL.Path == "/" && r.URL.Query().Has("token") && r.Method != http.MethodPost {
		if !s.is(r.URL.Query().Get("token")) {
			http.Error(w, "another token", http.StatusForbidden)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: cookieName, Value: s.Token, Path: "/", HttpOnly: true,
			SameSite: http.SameSiteStrictMode})
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	if c, err := r.Cookie(cookieName); err != nil || !s.is(c.Value) {
		http.Error(w, "open the address that mgd3 serve has printed", http.StatusForbidden)
		return
	}
	places := s.places
	if r.URL.Path == "/events" {
		places = s.streams
	}
	select {
	case places <- struct{}{}:
	default:
		http.Error(w, "too many requests at once", http.StatusServiceUnavailable)
		return
	}
	leave := func() { <-places }
	if r.URL.Path == "/events" && r.Method != http.MethodPost {
		defer leave()
		s.watch.stream(w, r)
		return
	}
	a := func() answer { defer leave(); return s.answer(w, r) }() // a client that reads slowly has no place
	a.send(w, r)
}

// is compares in constant time, so that how long a refusal takes says nothing of the token.
func (s *Server) is(token string) bool {
	return subtle.ConstantTimeCompare([]byte(token), []byte(s.Token)) == 1
}
