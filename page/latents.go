package page

import (
	"context"
	"math"
	"path"
	"slices"

	"mgd3/distill"
	"mgd3/encode"
	"mgd3/matrix"
	"mgd3/scores"
)

// latents reads the latents of a class; why says what is missing where they are nil. What is missing is a note and not
// an error, since latents are large and often deleted when a set is finished.
func (g *gathered) latents(class *Class) (l *latents, why string, err error) {
	const none = "No maps: "
	first := g.Sources[0]
	if first.Manifest == nil || first.Manifest.Denoiser == "" || first.Dir == "" {
		return nil, none + "the set was not made from modes of latents.", nil
	}
	dir := g.Latents
	if dir == "" {
		dir = distill.LatentsDir(first.Dir)
	}
	cached, err := encode.Open(dir, class.Name)
	if err != nil && first.Manifest.Reviewed != nil && g.Latents == "" {
		return nil, none + "a reviewed set has no latents of the real images; those of its run can be named: " +
			"--latents RUN/latents.", nil
	}
	if err != nil {
		return nil, none + "the latents of the real images are not there.", nil //nolint:nilerr // the page says so
	}
	defer cached.Close()
	l = &latents{names: slices.Clone(cached.Names)}
	if l.real, err = cached.Matrix(); err != nil {
		return nil, "", err
	}
	for i, source := range g.Sources {
		has, marks := source.slots(i, class)
		if has.Latents.Rows == 0 {
			has.Latents, marks = l.chosen(source.Manifest, i, class)
		}
		if i == 0 && has.Centres.Cols != l.real.Cols {
			return nil, none + "the modes are not there.", nil
		}
		known := source.Manifest != nil && source.Manifest.Denoiser != ""
		switch {
		case known && has.Latents.Cols != l.real.Cols:
			has.Latents, marks = matrix.Matrix{}, nil
			g.note("The map lacks images of " + source.Name + ": their latents are not there.")
		case i > 0 && known && !slices.Equal(has.Centres.Data, l.sets[0].Centres.Data):
			g.note("The images of " + source.Name + " were made from other modes than those of the map: no lines " +
				"lead to them.")
			for k := range marks {
				marks[k].Mode = -1
			}
		}
		l.sets, l.marks = append(l.sets, has), append(l.marks, marks)
	}
	return l, "", nil
}

// slots reads what the i-th source has of a class; marks are the images of its latents, without their places. What
// cannot be read is as if it were not there.
func (s Source) slots(i int, class *Class) (has distill.Slots, marks []Mark) {
	if s.Dir == "" || s.Manifest == nil || s.Manifest.Denoiser == "" {
		return has, nil
	}
	at := map[string]int{}
	for _, slot := range class.Slots {
		at[slot.Images[i]] = slot.Place
	}
	for _, c := range s.Manifest.Classes {
		if c.Name != class.Name {
			continue
		}
		has, _ = distill.SlotsOf(s.Dir, c)
		for _, im := range c.Images[:has.Latents.Rows] {
			mark := Mark{Slot: at[base(im.File)], Mode: im.Mode}
			if mark.Mode >= has.Centres.Rows {
				mark.Mode = -1
			}
			marks = append(marks, mark)
		}
	}
	return has, marks
}

// chosen are the latents of a set that was chosen among the real images, the i-th.
func (l *latents) chosen(m *distill.Manifest, i int, class *Class) (made matrix.Matrix, marks []Mark) {
	if m == nil {
		return made, nil
	}
	row, images := map[string]int{}, listed(m, class.Name)
	for k, name := range l.names {
		row[name] = k
	}
	var rows []int
	for _, slot := range class.Slots {
		if at, is := row[images[slot.Images[i]].Source]; is {
			rows, marks = append(rows, at), append(marks, Mark{Slot: slot.Place, Mode: -1})
		}
	}
	return l.real.Pick(rows), marks
}

// base is the file's name of a path in a manifest.
func base(file string) string { return path.Base(file) }

// neighbours are the real images nearest to each mode, by Euclidean distance of the latents. They replace the one name
// that the manifest has.
func (l *latents) neighbours(class *Class) {
	const few = 3
	nearest := distill.Nearest(l.sets[0].Centres, l.real, l.names, few)
	for i := range class.Slots {
		if slot := &class.Slots[i]; slot.Mode >= 0 && slot.Mode < len(nearest) {
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
	m := &Map{Explained: axes.explained, Of: l.real.Rows, Real: axes.project(real), Sizes: l.sets[0].Sizes}
	for _, at := range axes.project(l.sets[0].Centres) {
		m.Modes = append(m.Modes, Mark{at, -1, len(m.Modes)})
	}
	for i := len(class.Slots) - 1; i >= 0; i-- { // of several images of a mode the first is its
		if slot := class.Slots[i]; slot.Mode >= 0 && slot.Mode < len(m.Modes) {
			m.Modes[slot.Mode].Slot = slot.Place
		}
	}
	for i, has := range l.sets {
		for k, at := range axes.project(has.Latents) {
			l.marks[i][k].At = at
		}
		m.Sets = append(m.Sets, l.marks[i])
	}
	if made := l.sets[0].Latents; made.Rows > 0 {
		m.Covered, err = covered(ctx, real, made)
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
