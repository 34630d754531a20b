package serve

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"mgd3/distill"
)

// listing is what the page is told of the images of a manifest. It is not changed any more once it is there.
type listing struct {
	images   []listed
	manifest *distill.Manifest // nil of a run that goes on

	once         sync.Once
	text, zipped []byte
	err          error
}

// listed is one image.
type listed struct {
	distill.ManifestImage
	class int
}

// columns are the images, a list for each column: names of fields are in it once and not for each image, and equal
// neighbours pack well. A hundred thousand images take 1.6 MB zipped.
type columns struct {
	Classes []string  `json:"classes"`
	Class   []int     `json:"class"` // in Classes
	Mode    []int     `json:"mode"`
	Size    []int64   `json:"size"` // real images of the mode
	Own     []float64 `json:"own"`  // distance to the mode
	Others  []float64 `json:"others"`
	Seed    []string  `json:"seed"` // more digits than a number of JavaScript has
	Nearest []string  `json:"nearest"`
	File    []string  `json:"file"`
	Source  []string  `json:"source"` // of a baseline's set: the real image that it is
	Taken   []bool    `json:"taken"`  // by the teacher for another class
}

// load reads the manifest; false where there is none yet. The listing is replaced as a whole, so requests in work keep
// the one that they began with.
func (s *Server) load() (there bool, err error) {
	m, err := distill.ReadManifest(s.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	l := &listing{manifest: m}
	if m != nil {
		for i, c := range m.Classes {
			for _, im := range c.Images {
				l.images = append(l.images, listed{im, i})
			}
		}
	}
	s.listing.Store(l)
	return m != nil, nil
}

// columns makes the table of the images.
func (l *listing) columns() (c columns) {
	c = columns{Classes: []string{}, Class: []int{}, Mode: []int{}, Size: []int64{}, Own: []float64{},
		Others: []float64{}, Seed: []string{}, Nearest: []string{}, File: []string{},
		Source: []string{}, Taken: []bool{}}
	if l.manifest != nil {
		c.Classes = l.manifest.ClassNames()
	}
	for _, im := range l.images {
		c.Class, c.Mode, c.Size = append(c.Class, im.class), append(c.Mode, im.Mode), append(c.Size, im.ClusterSize)
		c.Own, c.Others = append(c.Own, im.Distance.Own), append(c.Others, im.Distance.Others)
		c.Seed, c.Nearest = append(c.Seed, strconv.FormatUint(im.Seed, 10)), append(c.Nearest, im.Nearest)
		c.File, c.Source, c.Taken = append(c.File, im.File), append(c.Source, im.Source), append(c.Taken, im.Taken)
	}
	return c
}

// answer is the table as JSON, made once for everybody, at the first request: its text and its zip stay in memory.
func (l *listing) answer(r *http.Request) answer {
	l.once.Do(func() {
		if l.text, l.err = json.Marshal(l.columns()); l.err != nil {
			return
		}
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
		_, errWrite := z.Write(l.text)
		if l.err = errors.Join(errWrite, z.Close()); l.err == nil {
			l.zipped = b.Bytes()
		}
	})
	if l.err != nil {
		return said(http.StatusInternalServerError, "the manifest has a number that is none")
	}
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		return answer{0, "application/json", l.zipped, true}
	}
	return answer{0, "application/json", l.text, false}
}
