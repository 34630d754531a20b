package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"

	"mgd3/distill"
	"mgd3/review"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
)

// decision is one as the page sees it.
type decision struct {
	review.Decision
	Image int `json:"image"` // its number
}

// asked is a decision that somebody wants to make.
type asked struct {
	Image     int             `json:"image"`
	Verdict   distill.Verdict `json:"verdict"`
	Reason    string          `json:"reason"`
	Candidate string          `json:"candidate"`
	Seen      int             `json:"seen"` // the last decision about the image that the page knows of
}

// refused is an answer with what is wrong.
type refused struct {
	Error string    `json:"error"`
	Now   *decision `json:"now,omitempty"` // what somebody else has decided
}

func refuse(status int, err error) answer { return inJSON(status, refused{Error: err.Error()}) }

// post does what changes something; who may has been looked at.
func (s *Server) post(w http.ResponseWriter, r *http.Request, path string) answer {
	read := func(v any) *answer {
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, mostBody))
		d.DisallowUnknownFields()
		err := d.Decode(v)
		if err == nil && d.Decode(&struct{}{}) != io.EOF {
			err = errors.New("want one value")
		}
		var long *http.MaxBytesError
		if errors.As(err, &long) {
			a := refuse(http.StatusRequestEntityTooLarge, errors.New("too long"))
			return &a
		}
		if err != nil {
			a := refuse(http.StatusBadRequest, fmt.Errorf("this cannot be read: %s", stage.NotJSON(err)))
			return &a
		}
		return nil
	}
	switch path {
	case "/decide":
		var a asked
		if bad := read(&a); bad != nil {
			return *bad
		}
		return s.decide(a)
	case "/again":
		var a wanted
		if bad := read(&a); bad != nil {
			return *bad
		}
		return s.again(a)
	case "/cancel":
		var a struct {
			Job int `json:"job"`
		}
		if bad := read(&a); bad != nil {
			return *bad
		}
		s.jobs.cancel(a.Job)
		return inJSON(0, struct{}{})
	case "/set":
		var a struct {
			Name string `json:"name"`
		}
		if bad := read(&a); bad != nil {
			return *bad
		}
		return s.writeSet(r, a.Name)
	}
	return notFound
}

// decide writes a decision to the journal, on the disk, before it answers. Where somebody else has decided about the
// image since the page was told (Seen), nothing is written: 409, with that decision.
func (s *Server) decide(a asked) answer {
	im, ok := s.image(strconv.Itoa(a.Image))
	if !ok {
		return refuse(http.StatusNotFound, errors.New("there is no such image"))
	}
	d, err := s.journal.Decide(review.Decision{File: im.File, Verdict: a.Verdict, Reason: a.Reason,
		Candidate: a.Candidate}, a.Seen)
	switch {
	case errors.Is(err, review.ErrSeen):
		return inJSON(http.StatusConflict, refused{err.Error(), &decision{d, a.Image}})
	case errors.Is(err, review.ErrDecision):
		return refuse(http.StatusBadRequest, err)
	case err != nil:
		return refuse(http.StatusInternalServerError, err)
	}
	s.watch.changed()
	return inJSON(0, decision{d, a.Image})
}

// decisions are the last ones of all images.
func (s *Server) decisions() answer {
	if s.journal == nil {
		return notFound
	}
	at := map[string]int{}
	for n, im := range s.listing.Load().images {
		at[im.File] = n
	}
	all := []decision{}
	for _, d := range s.journal.Decisions() {
		if n, ok := at[d.File]; ok {
			all = append(all, decision{d, n})
		}
	}
	return inJSON(0, all)
}

// plainName is the name of a folder that somebody may type on the page.
var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// writeSet writes the new set beside the run, never over anything. A name is a plain one, so that it leads nowhere
// else.
func (s *Server) writeSet(r *http.Request, name string) answer {
	if !plainName.MatchString(name) {
		return refuse(http.StatusBadRequest, fmt.Errorf("the folder is called %.40q, want letters, digits, dots, - "+
			"and _, the first a letter or a digit", name))
	}
	out := filepath.Join(filepath.Dir(filepath.Clean(s.Dir)), name)
	notes, err := s.journal.Write(r.Context(), out)
	if err != nil {
		status := http.StatusConflict
		if errors.Is(err, atomicfile.ErrWrite) {
			status = http.StatusInternalServerError
		}
		return refuse(status, err)
	}
	return inJSON(0, struct {
		Out   string   `json:"out"`
		Notes []string `json:"notes"`
	}{out, notes})
}

// candidate is the picture of an image that was made again.
func (s *Server) candidate(id string) answer {
	if s.journal == nil {
		return notFound
	}
	d, err := s.journal.Redrawn(id)
	if err != nil {
		return notFound
	}
	return answer{0, "image/png", d.PNG, false}
}
