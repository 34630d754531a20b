package serve

import (
	_ "embed"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"strconv"
	"strings"

	"mgd3/distill"
	"mgd3/stage/atomicfile"
)

var (
	//go:embed serve.html
	indexPage []byte
	//go:embed serve.css
	styleFile []byte
	//go:embed serve.js
	scriptFile []byte
	//go:embed edit.js
	editFile []byte
)

// answer is what a request gets, whole: it is sent after the request has given back its place, see [Server.ServeHTTP].
type answer struct {
	status int    // 0 is OK
	kind   string // Content-Type
	data   []byte
	zipped bool // data is gzip
}

func (a answer) send(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", a.kind)
	if a.zipped {
		w.Header().Set("Content-Encoding", "gzip")
	}
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.data)
	}
}

// said is an answer in words.
func said(status int, text string) answer {
	return answer{status, "text/plain; charset=utf-8", []byte(text + "\n"), false}
}

var notFound = said(http.StatusNotFound, "there is nothing")

// inJSON is an answer of JSON; status 0 is OK.
func inJSON(status int, v any) answer {
	data, err := json.Marshal(v)
	if err != nil {
		return said(http.StatusInternalServerError, "there is a number that is none")
	}
	return answer{status, "application/json", data, false}
}

// answer finds the answer of a request that may be here, in memory or from the files of the run. What does not exist
// and what is asked for wrongly are one and the same to the client.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) answer {
	name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if r.Method == http.MethodPost {
		return s.post(w, r, r.URL.Path)
	}
	switch r.URL.Path {
	case "/":
		return answer{0, "text/html; charset=utf-8", indexPage, false}
	case "/serve.css":
		return answer{0, "text/css; charset=utf-8", styleFile, false}
	case "/serve.js":
		return answer{0, "text/javascript; charset=utf-8", scriptFile, false}
	case "/edit.js":
		return answer{0, "text/javascript; charset=utf-8", editFile, false}
	case "/images":
		return s.listing.Load().answer(r)
	case "/decisions":
		return s.decisions()
	}
	switch name {
	case "candidate":
		return s.candidate(rest)
	case "image":
		if im, ok := s.image(rest); ok {
			file, err := im.Path(s.Dir)
			return picture(file, err)
		}
	case "made":
		if n, err := strconv.Atoi(rest); err == nil {
			file, ok := s.watch.made.at(n)
			if ok {
				return picture(file, nil)
			}
		}
	case "neighbours":
		return s.neighbours(rest)
	case "real":
		return s.realImage(rest)
	case "preview":
		if n, err := strconv.Atoi(rest); err == nil {
			if data := s.jobs.preview(n); data != nil {
				return answer{0, "image/png", data, false}
			}
		}
	}
	return notFound
}

// image is the image of a number, which counts through all classes of the manifest in their order. Numbers stay what
// they are while the server runs: a manifest that was read once is not read again.
func (s *Server) image(number string) (im distill.ManifestImage, ok bool) {
	images := s.listing.Load().images
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n >= len(images) {
		return im, false
	}
	return images[n].ManifestImage, true
}

// picture is the answer with the file of an image, at most mostImage bytes of it; err is what was wrong with its path.
func picture(file string, err error) answer {
	if err != nil {
		return notFound
	}
	data, err := atomicfile.Read(file, mostImage)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return notFound
		}
		return said(http.StatusNotFound, "the image cannot be read")
	}
	return answer{0, "image/png", data, false}
}
