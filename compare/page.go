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

// pageOf begins a page of sets that o made; r are their numbers.
func pageOf(o *baseline.Maker, r report.Result) page.Options {
	return page.Options{Title: r.Title, Real: o.Train, How: o.Settings.Encode.LoadOptions(), Latents: o.LatentsDir(),
		Numbers: []report.Result{r}}
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
	p := pageOf(&o.Maker, r)
	p.Test = o.Test
	for _, m := range rows {
		source, err := w.source(ctx, m)
		if err != nil {
			return err
		}
		p.Sources = append(p.Sources, source)
	}
	p.Report = func(done, total int) {
		tell.report(Event{Making: &stage.Event{Stage: StagePage, Done: done, Total: total}})
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
