// Package serve shows the folder of a run in the browser of whoever runs it: a grid of all images that jumps to any of
// them, and how far a run is that is still going. It reads and never writes.
//
//	GET /?token=T    takes the token into a cookie and goes to /
//	GET /            the page; its filters stand in the address
//	GET /images      the images of the manifest, as JSON
//	GET /image/N     the N-th of them
//	GET /events      how far the run is, as server-sent events
//
// Nobody else gets in: an address of this machine alone, a token for each start, the Host and the Origin of a request
// held against that address, since a page of another server can make a browser ask (DNS rebinding), and a policy that
// lets the page load nothing from elsewhere. Images are asked for by number, so no request names a file.
package serve

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"mgd3/distill"
	"mgd3/stage/atomicfile"
)

const (
	mostAtOnce = 64       // requests in work
	mostEvents = 64       // streams of events beside them
	mostImage  = 64 << 20 // bytes of an image
	every      = 2 * time.Second
	cookieName = "mgd3"
)

var (
	//go:embed serve.html
	indexPage []byte
	//go:embed serve.css
	styleFile []byte
	//go:embed serve.js
	scriptFile []byte
)

// Server shows one folder.
type Server struct {
	Token string

	dir     string
	addr    string // HOST:PORT
	images  []image
	places  chan struct{} // of ordinary requests
	streams chan struct{} // of events, which last: a place for themselves, so that they take nobody else's
}

// image is one image, as the page is told of it.
type image struct {
	Class string  `json:"class"`
	Mode  int     `json:"mode"`
	Size  int64   `json:"size"` // real images of the mode
	Own   float64 `json:"own"`  // distance to the mode
	made  distill.ManifestImage
}

// New opens the folder of a run for a server at HOST:PORT. A run that is still going has no manifest, and no images
// to show yet.
func New(dir, addr string) (*Server, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%q is no folder, want that of a run", dir)
	}
	s := &Server{Token: rand.Text(), dir: dir, addr: addr, places: make(chan struct{}, mostAtOnce),
		streams: make(chan struct{}, mostEvents)}
	m, err := distill.ReadManifest(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if m != nil {
		for _, c := range m.Classes {
			for _, im := range c.Images {
				s.images = append(s.images, image{c.Name, im.Mode, im.ClusterSize, im.Distance.Own, im})
			}
		}
	}
	return s, nil
}

// URL is the address to open.
func (s *Server) URL() string { return "http://" + s.addr + "/?token=" + s.Token }

// Serve answers until the context ends.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
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
	origin := r.Header.Get("Origin")
	switch {
	case r.Host != s.addr || (origin != "" && origin != "http://"+s.addr):
		http.Error(w, "this is for "+s.addr+" alone", http.StatusForbidden)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(w, "nothing can be changed here", http.StatusMethodNotAllowed)
		return
	}
	if r.URL.Path == "/" && r.URL.Query().Has("token") {
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
		defer func() { <-places }()
	default:
		http.Error(w, "too many requests at once", http.StatusServiceUnavailable)
		return
	}
	s.answer(w, r)
}

func (s *Server) is(token string) bool {
	return subtle.ConstantTimeCompare([]byte(token), []byte(s.Token)) == 1
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	send := func(kind string, data []byte) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(data)
	}
	switch path := r.URL.Path; {
	case path == "/":
		send("text/html; charset=utf-8", indexPage)
	case path == "/serve.css":
		send("text/css; charset=utf-8", styleFile)
	case path == "/serve.js":
		send("text/javascript; charset=utf-8", scriptFile)
	case path == "/images":
		images := s.images
		if images == nil {
			images = []image{}
		}
		data, err := json.Marshal(images)
		if err != nil {
			http.Error(w, "the manifest has a number that is none", http.StatusInternalServerError)
			return
		}
		send("application/json", data)
	case path == "/events":
		s.events(w, r)
	case len(path) > 7 && path[:7] == "/image/":
		n, err := strconv.Atoi(path[7:])
		if err != nil || n < 0 || n >= len(s.images) {
			http.NotFound(w, r)
			return
		}
		file, err := s.images[n].made.Path(s.dir)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		data, err := atomicfile.Read(file, mostImage)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		send("image/png", data)
	default:
		http.NotFound(w, r)
	}
}

// Progress is how far a run is, by the files in its folder.
type Progress struct {
	Latents int  `json:"latents"` // classes
	Modes   int  `json:"modes"`   // classes
	Images  int  `json:"images"`
	Done    bool `json:"done"` // there is a manifest
}

// Progress counts the files of the run.
func (s *Server) Progress() (p Progress) {
	p.Latents, p.Modes = count(filepath.Join(s.dir, "latents")), count(filepath.Join(s.dir, "modes"))
	classes, _ := os.ReadDir(distill.ImagesDir(s.dir))
	for _, c := range classes {
		files, _ := os.ReadDir(filepath.Join(distill.ImagesDir(s.dir), c.Name()))
		for _, f := range files {
			if filepath.Ext(f.Name()) == ".png" {
				p.Images++
			}
		}
	}
	_, err := os.Stat(filepath.Join(s.dir, "manifest.json"))
	p.Done = err == nil
	return p
}

// count is how many files of tensors a folder has; one that is not there has none.
func count(dir string) int {
	files, _ := os.ReadDir(dir)
	return len(slices.DeleteFunc(files, func(f fs.DirEntry) bool { return filepath.Ext(f.Name()) != ".safetensors" }))
}

// events tells of the progress until the run is done or nobody listens.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		p := s.Progress()
		data, _ := json.Marshal(p) // numbers and a truth value
		_ = out.SetWriteDeadline(time.Now().Add(10 * time.Second))
		if _, err := fmt.Fprintf(w, "data: %s\n\n", data); err != nil || out.Flush() != nil || p.Done {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}
