package findings

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"mgd3/dataset"
	"mgd3/matrix"
)

// ratio is the distance to the nearest as a share of the mean distance to the crowd, d₁ / mean(d₁ … d₅₀), in [0, 1]
// since d₁ is the least; 1 where there is no crowd (fewer than ten). Carlini et al. 2023 (arXiv:2301.13188, section 4)
// scale a distance so because what counts as near differs from picture to picture: a plain sky is near to all others.
func (r relation) ratio() float64 {
	const least = 10
	if len(r.near) < least {
		return 1
	}
	if mean := matrix.Sum(r.near) / float64(len(r.near)); mean > 0 {
		return r.near[0] / mean
	}
	return 1 // everything is one picture
}

// nearest is the nearest of all.
func (r relation) nearest() neighbour {
	if r.foreign.d < r.own.d {
		return r.foreign
	}
	return r.own
}

// judge says whether the image of a row is a copy of its nearest, as it is or mirrored, of which it returns the one.
func (l *look) judge(row int, of, mirrored []relation) (near neighbour, v verdict) {
	near = of[row].nearest()
	for k, r := range []*relation{&of[row], &mirrored[row]} {
		other := r.nearest()
		if other.light == nil { // there is nothing to compare with
			continue
		}
		if _, known := l.judged[r]; !known {
			text, is := judge(other.d, r.ratio(), l.lightOf(row), other.light)
			if is && k == 1 {
				text = "mirrored, " + text
			}
			l.judged[r] = verdict{text, is}
		}
		if v = l.judged[r]; v.is {
			return other, v
		}
	}
	return near, v
}

// lightOf is the brightness of a row of all.
func (l *look) lightOf(row int) *brightness {
	c := l.classOf(row)
	return l.own[c].light[row-l.begin[c]]
}

// each calls use for every image of the set with its row.
func (l *look) each(use func(row int, ref dataset.Ref)) {
	for c, t := range l.own {
		for i, ref := range t.refs {
			use(l.begin[c]+i, ref)
		}
	}
}

func (l *look) name(ref dataset.Ref) Name { return Name{"set", ref.Class, ref.Name} }

// copies finds images of the set that repeat a training image of any class.
func (l *look) copies() Check {
	c := Check{Kind: Copies, Title: "Copies of training images"}
	if l.Real == nil {
		c.Skipped = "the training images were not given"
		return c
	}
	c.Checked = fmt.Sprintf("%d images and their mirror images against %s training images, by 16 × 16 pixels: the "+
		"same picture, or clearly nearer than the mean of the %d nearest (after Carlini et al. 2023) and with the "+
		"same things at the same places", l.all.Rows, l.number(l.Real), crowdOf(l.Real))
	c.Items = l.copiesOf(l.real, l.realMirror, "real", l.Real)
	return c
}

// testImages finds images of the set that repeat a test image: the accuracy on it would be that of having seen it.
func (l *look) testImages() Check {
	c := Check{Kind: TestImages, Title: "Images equal or close to test images"}
	if l.Test == nil {
		c.Skipped = "the test images were not given"
		return c
	}
	c.Checked = fmt.Sprintf("%d images against %s test images, by the rule for copies", l.all.Rows, l.number(l.Test))
	c.Items = l.copiesOf(l.test, l.testMirror, "test", l.Test)
	return c
}

// copiesOf lists the images that [look.judge] says are copies, in the order of the set. set and pool are what they are
// copies of.
func (l *look) copiesOf(of, mirrored []relation, set string, pool *dataset.Set) (items []Item) {
	l.each(func(row int, ref dataset.Ref) {
		if near, v := l.judge(row, of, mirrored); v.is {
			other := &Name{set, pool.Classes[near.class].Name, near.name}
			items = append(items, Item{l.name(ref), other, v.text, near.d})
		}
	})
	return items
}

// number says how many images of a set are compared.
func (l *look) number(set *dataset.Set) string {
	n := 0
	for c := range set.Classes {
		n += len(first(set, c, l.most))
	}
	if n < set.Len() {
		return fmt.Sprintf("%d of %d (the first of each class)", n, set.Len())
	}
	return fmt.Sprint(n)
}

// repeats finds pairs of images of one class that show the same. Each pair is looked at once as it is and once with its
// first image mirrored, and listed once. Distances take N²·D of a class of N images, which is small beside the copies.
func (l *look) repeats() Check {
	check := Check{Kind: Repeats, Title: "Near duplicates in the set",
		Checked: "every two images of a class, and one of them mirrored, by the rule for copies"}
	for c, t := range l.own {
		if len(t.refs) < 2 {
			continue
		}
		found := make([][]Item, len(t.refs)) // with the later images
		for _, x := range []matrix.Matrix{t.x, mirror(t.x)} {
			matrix.Distances(x, t.x, func(i int, d []float64) {
				found[i] = append(found[i], l.repeatsOf(c, i, d)...)
			})
		}
		for _, items := range found {
			check.Items = merged(check.Items, items)
		}
	}
	return check
}

// repeatsOf finds the later images of a class that repeat its i-th, by the squared distances d [N] of it, or of its
// mirror image, to all of the class. The four nearest are looked at closely; the comparison of structure takes the most
// time, and more than four repeats of one image are found from the others.
func (l *look) repeatsOf(c, i int, d []float64) (items []Item) {
	const most = 4 // that are looked at closely
	t := l.own[c]
	mean := l.surroundings(l.begin[c]+i, i, d)
	var later []int
	for j := i + 1; j < len(d); j++ {
		if levels(d[j]) <= max(same, near*mean) {
			later = append(later, j)
		}
	}
	slices.SortStableFunc(later, func(a, b int) int { return cmp.Compare(d[a], d[b]) })
	for _, j := range later[:min(most, len(later))] {
		far, ratio := levels(d[j]), 1.0
		if mean > 0 {
			ratio = far / mean
		}
		if text, is := judge(far, ratio, t.light[i], t.light[j]); is {
			item := pair("set", t.refs[i], "set", t.refs[j], far)
			item.Text = text
			items = append(items, item)
		}
	}
	return items
}

// surroundings is the mean distance to the nearest real images, or without them to the other images of the class, of
// which there must be enough; 0 else.
func (l *look) surroundings(row, i int, d []float64) float64 {
	const least = 10
	if near := l.real[row].near; len(near) >= least {
		return matrix.Sum(near) / float64(len(near))
	}
	if len(d) <= least {
		return 0
	}
	sum := 0.0
	for j, square := range d {
		if j != i {
			sum += levels(square)
		}
	}
	return sum / float64(len(d)-1)
}

// otherClass finds images that are clearly nearer to a real image of another class: at most 0.8 times as far. Nearest
// neighbours of pixels often cross classes, so the text of the check says how often real images do, by the probes.
func (l *look) otherClass() Check {
	c := Check{Kind: OtherClass, Title: "Nearest neighbour in another class"}
	switch {
	case l.Real == nil:
		c.Skipped = "the training images were not given"
		return c
	case len(l.own) < 2:
		c.Skipped = "there is one class only"
		return c
	}
	const clearly = 0.8 // of the distance to its own class
	crossed, real := 0, 0
	l.each(func(row int, ref dataset.Ref) {
		r := l.real[row]
		if r.foreign.d < r.own.d {
			crossed++
		}
		if r.foreign.d < clearly*r.own.d {
			c.Items = append(c.Items, Item{l.name(ref), &Name{"real", l.Real.Classes[r.foreign.class].Name,
				r.foreign.name}, fmt.Sprintf("%.1f grey levels from class %q, %.1f from its own", r.foreign.d,
				l.Real.Classes[r.foreign.class].Name, r.own.d), r.foreign.d})
		}
	})
	for _, r := range l.probeRow {
		if r.foreign.d < r.own.d {
			real++
		}
	}
	c.Checked = fmt.Sprintf("the nearest training image, by 16 × 16 pixels, at most %.1f times as far as the nearest "+
		"of the class itself. Of all images %s have their nearest in another class, of the training images %s",
		clearly, percent(crossed, l.all.Rows), percent(real, len(l.probeRow)))
	return c
}

func percent(n, of int) string {
	if of == 0 {
		return "none"
	}
	return fmt.Sprintf("%.0f %%", 100*float64(n)/float64(of))
}

// blank finds images of one colour: the standard deviation of their pixels, over all channels, is below flat.
func (l *look) blank() Check {
	c := Check{Kind: Blank, Title: "Blank images",
		Checked: fmt.Sprintf("%d images: all pixels within %.0f grey levels of one colour (standard deviation)",
			l.all.Rows, flat)}
	for _, t := range l.own {
		for i, ref := range t.refs {
			if t.spread[i] < flat {
				c.Items = append(c.Items, Item{Image: l.name(ref), D: t.spread[i],
					Text: fmt.Sprintf("one colour: its pixels spread by %.1f grey levels", t.spread[i])})
			}
		}
	}
	return c
}

// clipped images have many more pixels at black or white than any real image of their class, or than the middle image
// of the set where there are no real ones.
func (l *look) clipped() Check {
	const more, least = 0.1, 0.25
	c := Check{Kind: Clipped, Title: "Clipped images", Checked: fmt.Sprintf("%d images: at least a quarter of the "+
		"pixels black or white, and a tenth more than in any training image of the class", l.all.Rows)}
	if l.Real == nil {
		c.Checked = fmt.Sprintf("%d images: at least a quarter of the pixels black or white, and a quarter more than "+
			"in the middle image of the set, since training images were not given", l.all.Rows)
	}
	var all []float64
	for _, t := range l.own {
		all = append(all, t.clipped...)
	}
	slices.Sort(all)
	for class, t := range l.own {
		limit := l.realClipped[class] + more
		if l.Real == nil && len(all) > 0 {
			limit = all[len(all)/2] + least
		}
		for i, ref := range t.refs {
			if share := t.clipped[i]; share >= least && share > limit && t.spread[i] >= flat {
				c.Items = append(c.Items, Item{Image: l.name(ref), D: share,
					Text: fmt.Sprintf("%.0f %% of its pixels are black or white", 100*share)})
			}
		}
	}
	return c
}

// fewReal finds modes of fewer than Few real images, those of none among them: k-means gives such a mode where a class
// has outliers, or fewer different pictures than modes.
func (l *look) fewReal() Check {
	c := Check{Kind: FewReal, Title: fmt.Sprintf("Modes of fewer than %d images", Few)}
	if len(l.Modes) == 0 {
		c.Skipped = "nothing says which modes the images are of"
		return c
	}
	c.Checked = fmt.Sprintf("%d modes, by the manifest", len(l.Modes))
	for _, m := range l.Modes {
		if m.Size < Few {
			c.Items = append(c.Items, Item{Image: Name{"set", m.Class, m.Image}, D: float64(m.Size),
				Text: fmt.Sprintf("its mode stands for %d training images", m.Size)})
		}
	}
	return c
}

// realTwice finds training images that are there twice: by their bytes in the whole set, by their pixels within a
// class.
func (l *look) realTwice(ctx context.Context) (Check, error) {
	c := Check{Kind: RealTwice, Title: "Duplicate training pictures"}
	if l.Real == nil {
		c.Skipped = "the training images were not given"
		return c, nil
	}
	c.Checked = fmt.Sprintf("%d training images byte by byte, and %s of them as pictures within their class",
		l.Real.Len(), l.number(l.Real))
	groups, err := dataset.Duplicates(ctx, l.Real)
	if err != nil {
		return c, err
	}
	for _, group := range groups {
		for _, other := range group[1:] {
			c.Items = append(c.Items, pair("real", group[0].Ref, "real", other.Ref, 0))
		}
	}
	c.Items = merged(c.Items, l.realSame)
	return c, nil
}

// testInReal finds training images that are test images as well, by the same two ways. Every test of a network trained
// on them is too good.
func (l *look) testInReal(ctx context.Context) (Check, error) {
	c := Check{Kind: TestInReal, Title: "Training pictures that are test images"}
	if l.Real == nil || l.Test == nil {
		c.Skipped = "the training or the test images were not given"
		return c, nil
	}
	c.Checked = fmt.Sprintf("%d training images against %d test images byte by byte, and %s against %s as pictures "+
		"within their class", l.Real.Len(), l.Test.Len(), l.number(l.Real), l.number(l.Test))
	groups, err := dataset.Duplicates(ctx, l.Real, l.Test)
	if err != nil {
		return c, err
	}
	for _, group := range groups {
		var inTest *dataset.Ref
		for _, m := range group {
			if m.Set == 1 && inTest == nil {
				inTest = &m.Ref
			}
		}
		for _, m := range group {
			if m.Set == 0 && inTest != nil {
				c.Items = append(c.Items, pair("real", m.Ref, "test", *inTest, 0))
			}
		}
	}
	c.Items = merged(c.Items, l.inTest)
	return c, nil
}

// merged adds the pairs that are not there yet.
func merged(items, more []Item) []Item {
	known := map[[2]Name]bool{}
	for _, item := range items {
		known[[2]Name{item.Image, *item.Other}] = true
	}
	for _, item := range more {
		if pair := [2]Name{item.Image, *item.Other}; !known[pair] {
			known[pair] = true
			items = append(items, item)
		}
	}
	return items
}

// nearest is the nearest real image of each image of the set.
func (l *look) nearest() map[string][]Near {
	if l.Real == nil {
		return nil
	}
	all := map[string][]Near{}
	for c, t := range l.own {
		for i, ref := range t.refs {
			near, v := l.judge(l.begin[c]+i, l.real, l.realMirror)
			if math.IsInf(near.d, 0) { // there is no real image
				all[ref.Class] = append(all[ref.Class], Near{})
				continue
			}
			n := Near{Name: Name{"real", l.Real.Classes[near.class].Name, near.name}, D: near.d,
				Ratio: l.real[l.begin[c]+i].ratio(), Copy: v.is}
			if apart := l.apart[c]; len(apart) > 0 {
				below, _ := slices.BinarySearch(apart, near.d)
				n.Percentile = 100 * float64(below) / float64(len(apart))
			}
			all[ref.Class] = append(all[ref.Class], n)
		}
	}
	return all
}
