package page

import (
	"context"
	"math"
	"path"
	"path/filepath"
	"slices"

	"mgd3/distill"
	"mgd3/encode"
	"mgd3/matrix"
	"mgd3/scores"
)

// latents reads the latents of a class; why says what is missing where they are nil. What is missing is a note and not
// an error, since latents are large and often deleted when a set is finished.
func (g *gathered) latents(class string) (l *latents, why string, err error) {
	const none = "No maps: "
	first := g.Sources[0]
	if first.Manifest == nil || first.Manifest.Denoiser == "" || first.Dir == "" {
		return nil, none + "the set was not made from modes of latents.", nil
	}
	dir := g.Latents
	if dir == "" {
		dir = filepath.Join(first.Dir, "latents")
	}
	cached, err := encode.Open(dir, class)
	if err != nil {
		return nil, none + "the latents of the real images are not there.", nil //nolint:nilerr // the page says so
	}
	defer cached.Close()
	l = &latents{names: slices.Clone(cached.Names)}
	if l.real, err = cached.Matrix(); err != nil {
		return nil, "", err
	}
	if l.modes, err = distill.Centres(first.Dir, class); err != nil || l.modes.Cols != l.real.Cols {
		return nil, none + "the modes are not there.", nil
	}
	for _, s := range g.Sources {
		var made matrix.Matrix
		if s.Dir != "" && s.Manifest != nil && s.Manifest.Denoiser != "" {
			if made, err = distill.Samples(s.Dir, class); err != nil || made.Cols != l.real.Cols {
				made = matrix.Matrix{}
				g.note("The map lacks images of " + s.Name + ": their latents are not there.")
			}
		}
		l.sets = append(l.sets, made)
	}
	return l, "", nil
}

// base is the file's name of a path in a manifest.
func base(file string) string { return path.Base(file) }

// neighbours are the real images nearest to each mode, by Euclidean distance of the latents. They replace the one name
// that the manifest has.
func (l *latents) neighbours(class *Class) {
	const few = 3
	nearest := distill.Nearest(l.modes, l.real, l.names, few)
	for i := range class.Slots {
		if slot := &class.Slots[i]; slot.Mode < len(nearest) {
			slot.Real = nearest[slot.Mode]
		}
	}
}

// plot makes the map of a class; nil of fewer than three real images, which have no plane of their own. Of more than a
// thousand every n-th is taken, so that the page stays small: the axes are those of the ones shown.
func (l *latents) plot(ctx context.Context, class *Class) (*Map, error) {
	const enough = 1000 // real images on a map
	real := l.real
	if real.Rows > enough {
		rows := make([]int, enough)
		for i := range rows {
			rows[i] = i * real.Rows / enough
		}
		real = real.Pick(rows)
	}
	if real.Rows < 3 {
		return nil, nil
	}
	axes, err := newAxes(ctx, real)
	if err != nil {
		return nil, err
	}
	m := &Map{Explained: axes.explained, Of: l.real.Rows, Real: axes.project(real), Modes: axes.project(l.modes)}
	for _, slot := range class.Slots {
		m.Sizes = append(m.Sizes, slot.Size)
	}
	var made []matrix.Matrix
	for _, set := range l.sets {
		m.Sets = append(m.Sets, axes.project(set))
		made = append(made, set)
	}
	if made[0].Rows > 0 {
		m.Covered, err = covered(ctx, real, made[0])
	}
	return m, err
}

// covered says of each real image r whether an image s of the set is nearer than its k-th nearest other real image r′:
//
//	min_s |r − s| < k-th smallest |r − r′|,   k = ⌈real images / images of the set⌉
//
// The mean is the score of [scores.Coverage] (Naeem et al. 2020, arXiv:2002.09797, eq. 4) with k the fair share of an
// image, over the real images that are shown. Distances are squared throughout; the order is the same.
func covered(ctx context.Context, real, made matrix.Matrix) ([]bool, error) {
	k := min(scores.FairShare(real.Rows, made.Rows), real.Rows-1)
	nearest, limit := make([]float64, real.Rows), make([]float64, real.Rows)
	matrix.Distances(real, made, func(i int, d []float64) { nearest[i] = slices.Min(d) })
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	matrix.Distances(real, real, func(i int, d []float64) {
		d[i] = math.Inf(1)
		slices.Sort(d)
		limit[i] = d[k-1]
	})
	is := make([]bool, real.Rows)
	for i := range is {
		is[i] = nearest[i] < limit[i]
	}
	return is, ctx.Err()
}
