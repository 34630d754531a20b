package compare

import (
	"context"
	"errors"
	"slices"

	"mgd3/baseline"
	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/page"
	"mgd3/report"
	"mgd3/stage"
)

// StagePage is the stage of a stage.Event in which images are compared for a page; its units are images.
const StagePage = "page"

// captions say beside a page's sets what the methods do.
var captions = map[baseline.Method]string{
	baseline.MGD3:     "sampled, pulled to the modes of the class until stop",
	baseline.NoStop:   "sampled, pulled to the modes to the end",
	baseline.Unguided: "sampled by the diffusion model alone",
	baseline.Nearest:  "the real image nearest to each mode",
	baseline.Herding:  "real images whose mean latent follows that of the class",
	baseline.KCenter:  "real images far from each other",
	baseline.Random:   "real images by chance",
}

// pageOf begins a page of sets that o made; r are their numbers, and test what they are judged on, nil if that is a
// part of what they were made of.
func pageOf(o *baseline.Maker, r report.Result, test *dataset.Set, tell func(stage.Event)) page.Options {
	return page.Options{Title: r.Title, Real: o.Train, Test: test, How: o.Settings.Encode.LoadOptions(),
		Latents: o.LatentsDir(), Numbers: []report.Result{r},
		Report: func(done, total int) { tell(stage.Event{Stage: StagePage, Done: done, Total: total}) }}
}

// madeIn is a set with its folder.
func madeIn(dir, name string, images *dataset.Set) (page.Source, error) {
	m, err := distill.ReadManifest(dir)
	return page.Source{Name: name, Dir: dir, Images: images, Manifest: m}, err
}

// WritePage writes a page of what came of Compare: r, and of each method the first set with the first number of images,
// beside the others. Those of the diffusion model come first, since the first one is looked into.
func WritePage(ctx context.Context, o Options, r report.Result, path string) (err error) {
	tell := o
	o.Report = nil // of sets that are there
	w := newComparer(&o)
	defer func() { err = errors.Join(err, w.close()) }()
	rows := slices.DeleteFunc(o.rows(), func(m baseline.Method) bool { return m == baseline.Full })
	slices.SortStableFunc(rows, func(a, b baseline.Method) int {
		switch {
		case a.Sampled() == b.Sampled():
			return 0
		case a.Sampled():
			return -1
		}
		return 1
	})
	p := pageOf(&o.Maker, r, o.Test, func(e stage.Event) { tell.report(Event{Making: &e}) })
	for _, m := range rows {
		source, err := w.source(ctx, m)
		if err != nil {
			return err
		}
		p.Sources = append(p.Sources, source)
	}
	_, _, err = page.Write(ctx, p, path)
	return err
}

// source is the first set of a row.
func (w *comparer) source(ctx context.Context, m baseline.Method) (s page.Source, err error) {
	id := baseline.ID{Method: m, IPC: w.IPCs[0]}
	if g := w.given(id); g != nil {
		return page.Source{Name: g.Name, Images: g.Set.Images}, nil
	}
	images, err := w.images(ctx, id)
	if err != nil {
		return s, err
	}
	s, err = madeIn(w.Dir(id), string(m), images)
	s.Caption = captions[m]
	return s, err
}

// writePage writes the page of a sweep: r, and the first set of the best point beside that of the settings.
func (s *Sweep) writePage(ctx context.Context, swept *Swept, r report.Result, path string) error {
	t, seed := trials{Maker: s.Maker}, s.Settings.Sample.Seed
	p := pageOf(&s.Maker, r, s.Test, func(e stage.Event) {
		if s.Report != nil {
			s.Report(baseline.ID{Method: baseline.MGD3, IPC: s.Settings.Modes.IPC, Seed: seed}, e)
		}
	})
	p.Latents = t.keptOf(t.OfSeed(seed).Settings.Encode.Seed) // which the modes were found among
	for i, point := range swept.shown() {
		images, err := openMade(ctx, t.dir(point, seed), s.Train.ClassNames(), func(string) {})
		if err != nil {
			return err
		}
		defer images.Close()
		source, err := madeIn(t.dir(point, seed), point.String(), images)
		if err != nil {
			return err
		}
		source.Caption = []string{"the best", "the settings"}[i]
		p.Sources = append(p.Sources, source)
	}
	if len(p.Sources) == 1 {
		p.Sources[0].Caption = "the settings"
	}
	_, _, err := page.Write(ctx, p, path)
	return err
}
