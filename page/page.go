// Package page shows a set beside what it stands for, on a page that needs nothing else: no network, no other file, no
// script to be read. It opens with what was found by package findings; then come the numbers, and each class: a map of
// its latents and a row for each image.
//
//	Numbers     of evaluate, compare and the like, as package report has them
//	Findings    what was looked for, and what of it is there
//	Classes     real images nearest to the mode → the image → the real image nearest to it
//
// The map of a class is the plane of the two directions along which its real latents spread most (principal
// components), the same for all sets shown on the page. Pictures are thumbnails, made as large as a page of 10 MB
// allows; a set of more than a thousand images goes on in further pages beside the first.
package page

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/findings"
	"mgd3/matrix"
	"mgd3/report"
	"mgd3/stage/cost"
)

const (
	most       = 1000    // images on one page
	largest    = 9 << 20 // bytes of the pictures of a page, as they stand in it
	perFinding = 12      // findings of a kind that are shown with pictures
)

// File is where the page of a set is written if nothing else is asked for: in its folder, or beside its file.
func File(set string) string {
	if info, err := os.Stat(set); err == nil && info.IsDir() {
		return filepath.Join(set, "page.html")
	}
	return set + "-page.html"
}

// Source is one of the sets that stand side by side.
type Source struct {
	Name     string
	Caption  string            // what it is, in a few words; may be ""
	Dir      string            // of a run; "" of other sets
	Images   *dataset.Set      // with the classes of the first source
	Manifest *distill.Manifest // nil where the set is none of a run
	Cost     *cost.Cost        // of the run; nil where it is not known
}

// Options say what a page shows.
type Options struct {
	Title    string
	Sources  []Source            // the first one is looked into; at least one, unless there are only Numbers
	Real     *dataset.Set        // the images that the sets stand for; nil where they are not at hand
	Test     *dataset.Set        // those that networks are tested on; nil likewise
	How      dataset.LoadOptions // how these are cropped
	Latents  string              // folder of the real latents; "" is that of the first source's run
	Numbers  []report.Result     // of evaluate, score and the like
	Commands []string            // that make the set, and the page
	Notes    []string            // what is to be known of the sets, and what the page cannot show, and why

	Report func(done, total int) // told of images that were read; may be nil
}

// Slot is a place of a class: its mode, and the image of it in each set.
type Slot struct {
	Place  int // in the class
	Mode   int
	Size   int64    // real images of the mode; 0 where it is not known
	Real   []string // real images nearest to the mode, nearest first
	Images []string // in each set; "" where it has none
	Near   *findings.Near
	Own    float64 // from the image's latent to its mode; 0 where it is not known
	Review string  // what was decided about the image, and why
}

// Class is one class of a page.
type Class struct {
	Name  string
	Real  int // images; 0 where it is not known
	Slots []Slot
	Map   *Map // nil without latents
}

// gathered is what a page shows, without pictures.
type gathered struct {
	Options
	Findings *findings.Findings
	Classes  []Class
}

// gather looks into the sets: the findings first, which read every image once, then class after class the slots and the
// map. At most one class's latents are in memory.
func gather(ctx context.Context, o Options) (*gathered, error) {
	g := &gathered{Options: o}
	if len(o.Sources) == 0 {
		return g, nil
	}
	first := o.Sources[0]
	in := findings.Input{Set: first.Images, Real: o.Real, Test: o.Test, How: o.How, Report: o.Report}
	if m := first.Manifest; m != nil && m.Denoiser != "" {
		for _, c := range m.Classes {
			for _, im := range c.Images {
				in.Modes = append(in.Modes, findings.Mode{Class: c.Name, Image: base(im.File), Size: im.ClusterSize})
			}
		}
	}
	var err error
	if g.Findings, err = findings.Look(ctx, in); err != nil {
		return nil, err
	}
	if o.Real == nil {
		g.Notes = append(g.Notes, "Without the real images (--data) nothing is set beside them.")
	}
	for c := range first.Images.Classes {
		class, err := g.class(ctx, c)
		if err != nil {
			return nil, err
		}
		g.Classes = append(g.Classes, class)
	}
	return g, nil
}

// class puts the slots of a class together, and its map. Slot i has the i-th image of each set, or, where all are of
// runs, the image whose name is the i-th: a set that was reviewed has gaps. Of sets made from the same modes these are
// images of one mode; of others a row has no further meaning.
func (g *gathered) class(ctx context.Context, c int) (Class, error) {
	class := Class{Name: g.Sources[0].Images.Classes[c].Name}
	if g.Real != nil {
		class.Real = len(g.Real.Classes[c].Images)
	}
	place := g.places(c)
	for s, source := range g.Sources {
		made := madeOf(source.Manifest, class.Name)
		for i, ref := range source.Images.Classes[c].Images {
			at := place(i, ref.Name)
			for len(class.Slots) <= at {
				n := len(class.Slots)
				class.Slots = append(class.Slots, Slot{Place: n, Mode: n, Images: make([]string, len(g.Sources))})
			}
			slot := &class.Slots[at]
			im, known := made[ref.Name]
			if known && (s == 0 || slot.Images[0] == "") {
				slot.Mode = im.Mode
			}
			slot.Images[s] = ref.Name
			if s > 0 {
				continue
			}
			if known {
				slot.Size, slot.Own, slot.Review = im.ClusterSize, im.Distance.Own, reviewed(im.Review)
				if im.Nearest != "" {
					slot.Real = []string{im.Nearest}
				}
			}
			if near := g.Findings.Nearest[class.Name]; i < len(near) && near[i].Name.Name != "" {
				slot.Near = &near[i]
			}
		}
	}
	l, why, err := g.latents(&class)
	if err != nil {
		return class, err
	}
	if l == nil {
		g.note(why)
		return class, nil
	}
	l.neighbours(&class)
	class.Map, err = l.plot(ctx, &class)
	return class, err
}

// places says which slot of the c-th class the i-th image of a set has, by its name.
func (g *gathered) places(c int) func(i int, name string) int {
	var names []string
	for _, source := range g.Sources {
		if source.Manifest == nil || source.Manifest.Denoiser == "" {
			return func(i int, _ string) int { return i }
		}
		for _, ref := range source.Images.Classes[c].Images {
			names = append(names, ref.Name)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return func(_ int, name string) int {
		at, _ := slices.BinarySearch(names, name)
		return at
	}
}

// reviewed is what somebody decided about an image that is in a set.
func reviewed(r *distill.Review) string {
	switch {
	case r == nil:
		return ""
	case r.Verdict == distill.Replace:
		return strings.TrimSuffix("replaced: "+r.Reason, ": ")
	}
	return strings.TrimSuffix("kept: "+r.Reason, ": ")
}

// note keeps a note, once.
func (g *gathered) note(text string) {
	for _, have := range g.Notes {
		if have == text {
			return
		}
	}
	g.Notes = append(g.Notes, text)
}

// madeOf are the images of a class in a manifest, by the names of their files; none where no denoiser made them.
func madeOf(m *distill.Manifest, class string) map[string]distill.ManifestImage {
	if m == nil || m.Denoiser == "" {
		return nil
	}
	return listed(m, class)
}

// listed are the images of a class in a manifest, by the names of their files.
func listed(m *distill.Manifest, class string) map[string]distill.ManifestImage {
	images := map[string]distill.ManifestImage{}
	for _, c := range m.Classes {
		for _, im := range c.Images {
			if c.Name == class {
				images[base(im.File)] = im
			}
		}
	}
	return images
}

// latents of a class: [N, D] of the real images, and what each set has, which may be nothing; the modes of the map are
// the first one's.
type latents struct {
	names []string // of the real images
	real  matrix.Matrix
	sets  []distill.Slots
	marks [][]Mark // of the rows of the sets' latents, without their places
}
