package serve

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/encode"
	"mgd3/sets"
)

const few = 3 // real images beside one that stands for them

// OpenReal opens the real images of a finished run, with its classes and its split where no other is given; without a
// path there are none. Whoever opens them closes them.
func (o *Options) OpenReal(ctx context.Context, from *sets.Opener, spec sets.Spec) error {
	if spec.Path == "" {
		return nil
	}
	m, err := distill.ReadManifest(o.Dir)
	if err != nil {
		return err
	}
	spec.Split = cmp.Or(spec.Split, m.Settings.Encode.Split)
	o.Real, err = from.Alike(ctx, spec, m.ClassNames())
	return err
}

// realImages finds real images by their names.
type realImages struct {
	once sync.Once
	refs []dataset.Ref
	at   map[[2]string]int // by class and name
}

// realRefs numbers the real images, at the first request: most pages never ask.
func (s *Server) realRefs() *realImages {
	s.real.once.Do(func() {
		s.real.at = map[[2]string]int{}
		if s.Real == nil {
			return
		}
		for _, c := range s.Real.Classes {
			for _, ref := range c.Images {
				s.real.at[[2]string{c.Name, ref.Name}] = len(s.real.refs)
				s.real.refs = append(s.real.refs, ref)
			}
		}
	})
	return &s.real
}

// neighbour is a real image near a mode.
type neighbour struct {
	Name string `json:"name"`
	Real int    `json:"real"` // number of /real/N; -1 where the real images are not at hand
}

// neighbours are the real images nearest to the mode of an image: by the latents, or the one that the manifest names.
func (s *Server) neighbours(number string) answer {
	im, ok := s.image(number)
	if !ok {
		return notFound
	}
	l := s.listing.Load()
	n, _ := strconv.Atoi(number)
	class := l.manifest.Classes[l.images[n].class].Name
	names := s.nearest(class, im.Mode)
	if names == nil && im.Nearest != "" {
		names = []string{im.Nearest}
	}
	real, all := s.realRefs(), []neighbour{}
	for _, name := range names {
		at, known := real.at[[2]string{class, name}]
		if !known {
			at = -1
		}
		all = append(all, neighbour{name, at})
	}
	return inJSON(0, all)
}

// nearest returns the names of the few real images whose latents are nearest to a mode; nil where latents or modes are
// not there. It reads the latents of the class each time, 21 MB of ImageNet's, and keeps nothing.
func (s *Server) nearest(class string, mode int) []string {
	cached, err := encode.Open(cmp.Or(s.Latents, distill.LatentsDir(s.Dir)), class)
	if err != nil {
		return nil
	}
	defer cached.Close()
	real, err := cached.Matrix()
	if err != nil {
		return nil
	}
	modes, err := distill.Centres(s.Dir, class)
	if err != nil || modes.Cols != real.Cols || mode < 0 || mode >= modes.Rows {
		return nil
	}
	return distill.Nearest(modes.Pick([]int{mode}), real, cached.Names, few)[0]
}

// realImage is the file of a real image, if a browser can show it, by its content. SVG is refused: it can hold a
// script.
func (s *Server) realImage(number string) answer {
	n, err := strconv.Atoi(number)
	real := s.realRefs()
	if err != nil || n < 0 || n >= len(real.refs) {
		return notFound
	}
	data, err := s.Real.Read(real.refs[n])
	if err != nil {
		return said(http.StatusNotFound, "the image cannot be read")
	}
	kind := http.DetectContentType(data)
	if !strings.HasPrefix(kind, "image/") || strings.Contains(kind, "svg") {
		return said(http.StatusUnsupportedMediaType, "no browser shows this image")
	}
	return answer{0, kind, data, false}
}
