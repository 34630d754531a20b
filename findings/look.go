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

// crowd is how many neighbours a distance is set beside.
const crowd = 50

// crowdOf is the crowd among the images of a set: half of those of a class, so that classes far away do not count.
func crowdOf(set *dataset.Set) int { return min(crowd, set.Len()/(2*len(set.Classes))) }

// look is a search under way. The pictures of the set [M, 256] stay in memory throughout; real and test images pass by
// class after class, and only their relations stay: memory grows with the set and with one class of the others.
type look struct {
	Input
	most        int           // real, and test, images that are compared, of all classes together
	own         []table       // pictures of the set, class after class
	all         matrix.Matrix // the same, one after the other: [M, width]
	mirrored    matrix.Matrix // the pictures of all, mirrored
	begin       []int         // row of all where a class begins
	real, test  []relation    // of each row of all
	realMirror  []relation    // likewise of the mirrored picture
	testMirror  []relation
	judged      map[*relation]verdict // what judge has said: copies and nearest both ask
	apart       [][]float64           // of each class: from each real image to the nearest other, grey levels, rising
	realClipped []float64             // of each class, the largest share
	realSame    []Item                // real images that show the same
	inTest      []Item
	probes      table // real images that are asked for their nearest, too
	probeRow    []relation
	done, total int
}

// relation is what an image is to a pool of others.
type relation struct {
	near    []float64 // the distances to the nearest, least first, at most crowd
	own     neighbour // the nearest of its class
	foreign neighbour // the nearest of another
}

// neighbour is an image of a pool.
type neighbour struct {
	d     float64 // grey levels; +Inf where there is none
	class int
	row   int // in its class
	name  string
	light *brightness // nil where there is none
}

// verdict is what [judge] said of an image and its nearest.
type verdict struct {
	text string
	is   bool
}

// newLook reads the pictures of the set. Real and test images of other classes than the set's, or of these in another
// order, are an error.
func newLook(ctx context.Context, in Input) (*look, error) {
	l := &look{Input: in, most: cmp.Or(in.Most, 50_000)}
	if l.How.Then == nil {
		l.How.Then = Square
	}
	for _, other := range []*dataset.Set{in.Real, in.Test} {
		if other != nil && !slices.Equal(other.ClassNames(), in.Set.ClassNames()) {
			return nil, fmt.Errorf("the images to compare with are of the classes %q, want %q", other.ClassNames(),
				in.Set.ClassNames())
		}
	}
	for c, class := range in.Set.Classes {
		l.total += len(class.Images)
		for _, other := range []*dataset.Set{in.Real, in.Test} {
			if other != nil {
				l.total += len(first(other, c, l.most))
			}
		}
	}
	for _, class := range in.Set.Classes {
		t, err := read(ctx, in.Set, class.Images, dataset.LoadOptions{Then: Square}, l.tick)
		if err != nil {
			return nil, err
		}
		l.begin = append(l.begin, l.all.Rows)
		l.all = matrix.Join(matrix.Matrix{Rows: l.all.Rows, Cols: width, Data: l.all.Data}, t.x)
		l.own = append(l.own, t)
	}
	l.real, l.test = newRelations(l.all.Rows), newRelations(l.all.Rows)
	l.realMirror, l.testMirror = newRelations(l.all.Rows), newRelations(l.all.Rows)
	l.mirrored, l.judged = mirror(l.all), map[*relation]verdict{}
	l.apart, l.realClipped = make([][]float64, len(l.own)), make([]float64, len(l.own))
	return l, l.pickProbes(ctx)
}

func newRelations(n int) []relation {
	r := make([]relation, n)
	for i := range r {
		r[i].own.d, r[i].foreign.d = math.Inf(1), math.Inf(1)
	}
	return r
}

// tick counts an image that was read. Probes are read twice and not counted.
func (l *look) tick() {
	l.done++
	if l.Report != nil {
		l.Report(min(l.done, l.total), l.total)
	}
}

// pickProbes takes some real images of each class, to know how often the nearest of a real image is of another class.
func (l *look) pickProbes(ctx context.Context) error {
	if l.Real == nil || len(l.own) < 2 {
		return nil
	}
	const most = 1000
	for c := range l.own {
		refs := first(l.Real, c, l.most)
		t, err := read(ctx, l.Real, refs[:min(len(refs), max(1, most/len(l.own)))], l.How, func() {})
		if err != nil {
			return err
		}
		l.probes.refs = append(l.probes.refs, t.refs...)
		l.probes.x = matrix.Join(matrix.Matrix{Rows: l.probes.x.Rows, Cols: width, Data: l.probes.x.Data}, t.x)
	}
	l.probeRow = newRelations(l.probes.x.Rows)
	return nil
}

// classOf is the class of a row of all.
func (l *look) classOf(row int) int {
	at, found := slices.BinarySearch(l.begin, row)
	if !found {
		at--
	}
	for at+1 < len(l.begin) && l.begin[at+1] == row { // classes without images
		at++
	}
	return at
}

// class compares one class of the real and test images with all images of the set, and with each other.
func (l *look) class(ctx context.Context, c int) error {
	var real, test table
	var err error
	if l.Real != nil {
		if real, err = read(ctx, l.Real, first(l.Real, c, l.most), l.How, l.tick); err != nil {
			return err
		}
		l.relate(l.all, real, c, l.real, l.classOf, nil)
		l.relate(l.mirrored, real, c, l.realMirror, l.classOf, nil)
		classes := l.Real.ClassNames()
		l.relate(l.probes.x, real, c, l.probeRow,
			func(i int) int { return slices.Index(classes, l.probes.refs[i].Class) },
			func(i, j int) bool { return l.probes.refs[i] == real.refs[j] })
		l.within(real, c)
		if len(real.clipped) > 0 {
			l.realClipped[c] = slices.Max(real.clipped)
		}
	}
	if l.Test != nil {
		if test, err = read(ctx, l.Test, first(l.Test, c, l.most), l.How, l.tick); err != nil {
			return err
		}
		l.relate(l.all, test, c, l.test, l.classOf, nil)
		l.relate(l.mirrored, test, c, l.testMirror, l.classOf, nil)
		l.across(real, test)
	}
	return ctx.Err()
}

// relate takes the c-th class of a pool into the relations of the rows of x [n, width]: after all classes have passed,
// own is the nearest of the row's class, foreign the nearest of all others, and near the crowd of the whole pool. The
// order of the classes does not matter, since near is the least of what it was and what is new. skip says which pairs
// are one image; it may be nil.
func (l *look) relate(x matrix.Matrix, pool table, c int, into []relation, classOf func(i int) int,
	skip func(i, j int) bool) {
	if x.Rows == 0 || pool.x.Rows == 0 {
		return
	}
	most := crowdOf(pool.set)
	matrix.Distances(x, pool.x, func(i int, d []float64) {
		if skip != nil {
			for j := range d {
				if skip(i, j) {
					d[j] = math.Inf(1)
				}
			}
		}
		at := matrix.ArgMin(d)
		near := neighbour{levels(d[at]), c, at, pool.refs[at].Name, pool.light[at]}
		r := &into[i]
		if classOf(i) == c {
			r.own = near
		} else if near.d < r.foreign.d {
			r.foreign = near
		}
		slices.Sort(d)
		for _, square := range d[:min(most, len(d))] {
			r.near = append(r.near, levels(square))
		}
		slices.Sort(r.near)
		r.near = r.near[:min(most, len(r.near))]
	})
}

// within measures how far the real images of a class are from the nearest other one, and finds those that are one
// picture.
func (l *look) within(real table, c int) {
	n := real.x.Rows
	l.apart[c] = make([]float64, n)
	twin := make([]int, n)
	matrix.Distances(real.x, real.x, func(i int, d []float64) {
		d[i] = math.Inf(1)
		twin[i] = matrix.ArgMin(d)
		l.apart[c][i] = levels(d[twin[i]])
	})
	for i, j := range twin {
		mutual := twin[j] == i // then once, by the first of both
		if l.apart[c][i] <= same && (j > i || !mutual) && samePicture(l.apart[c][i], real.light[i], real.light[j]) {
			l.realSame = append(l.realSame, pair("real", real.refs[i], "real", real.refs[j], l.apart[c][i]))
		}
	}
	slices.Sort(l.apart[c])
}

// across finds test images among the real ones of their class.
func (l *look) across(real, test table) {
	if real.x.Rows == 0 || test.x.Rows == 0 {
		return
	}
	found := make([]*Item, test.x.Rows)
	matrix.Distances(test.x, real.x, func(i int, d []float64) {
		at := matrix.ArgMin(d)
		if far := levels(d[at]); far <= same && samePicture(far, test.light[i], real.light[at]) {
			item := pair("real", real.refs[at], "test", test.refs[i], far)
			found[i] = &item
		}
	})
	for _, item := range found {
		if item != nil {
			l.inTest = append(l.inTest, *item)
		}
	}
}

// pair is two images that show the same.
func pair(set string, a dataset.Ref, other string, b dataset.Ref, d float64) Item {
	return Item{Image: Name{set, a.Class, a.Name}, Other: &Name{other, b.Class, b.Name}, D: d,
		Text: fmt.Sprintf("the same picture as %v", b)}
}
