package evaluate

import (
	"cmp"
	"math"
	"slices"
)

// order is an order of the classes other than today's: class i would have the output that class of[i] has now.
type order struct {
	name string // "" if it has none
	of   []int
}

// mostNoise bounds the probability that an order is named of a teacher that knows nothing.
const mostNoise = 1e-4

// another returns the order by which the teacher would have more than twice its accuracy, and what it would have; nil
// if there is none that is better than noise.
//
// The best of many orders is good by chance: of 240 classes and 960 images of a teacher that knows nothing, the best of
// all orders has about 30 %. Let the guess for each image of class c be drawn by itself from the shares q of the
// outputs. Then an order has hits out of n images of the classes that it moves, a sum of n independent trials whose
// mean is p = Σ given[c]·q[of[c]] / n, and (Hoeffding 1963, theorem 1)
//
//	P(hits ≥ a·n) ≤ exp(−n·KL(a ‖ p)),  KL(a ‖ p) = a·ln(a/p) + (1 − a)·ln((1 − a)/(1 − p)),  a > p
//
// for each of K orders; so the chance that any of them has such a bound below mostNoise/K is at most mostNoise. K is
// the number of orders that have names, or the k! of all orders of k classes, against which the one is held that
// [Teacher.bestOrder] finds. That one counts only by what it moves further than the best one with a name.
func (t *Teacher) another(named []order) (best *order, accuracy float64) {
	present := t.present()
	now := t.accuracyIn(present)
	if now >= 0.5 {
		return nil, 0
	}
	from := present
	for i, o := range named {
		if a := t.accuracyIn(o.of); a > max(accuracy, 2*now) && t.told(o.of, present, math.Log(float64(len(named)))) {
			best, accuracy, from = &named[i], a, o.of
		}
	}
	all, _ := math.Lgamma(float64(len(present) + 1)) // ln k!
	free := t.bestOrder()
	const clearly = 0.9 // an order with a name is preferred to one that is hardly better
	if a := t.accuracyIn(free); clearly*a > accuracy && a > 2*now && t.told(free, from, all) {
		best, accuracy = &order{of: free}, a
	}
	return best, accuracy
}

// told reports whether an order is better than noise, by the classes that it moves from another one, as the best of
// e^orders.
func (t *Teacher) told(of, from []int, orders float64) bool {
	return t.noise(of, func(class int) bool { return of[class] != from[class] })+orders <= math.Log(mostNoise)
}

// right reports whether the present order is better than noise, as the best of e^orders.
func (t *Teacher) right(orders float64) bool {
	return t.noise(t.present(), func(int) bool { return true })+orders <= math.Log(mostNoise)
}

// present is the order as it is.
func (t *Teacher) present() []int {
	of := make([]int, len(t.confusion))
	for i := range of {
		of[i] = i
	}
	return of
}

// noise is logNoise of an order by some of the classes.
func (t *Teacher) noise(of []int, counts func(class int) bool) float64 {
	taken := make([]float64, len(of))
	for _, row := range t.confusion {
		for as, n := range row {
			taken[as] += float64(n)
		}
	}
	hits, mean, n := 0.0, 0.0, 0.0
	for class, row := range t.confusion {
		if !counts(class) {
			continue
		}
		given := 0.0
		for _, k := range row {
			given += float64(k)
		}
		n += given
		hits += float64(row[of[class]])
		mean += given * taken[of[class]] / float64(t.Known.Tested.Images)
	}
	return logNoise(hits, mean, n)
}

// logNoise is the logarithm of Hoeffding's bound; see [Teacher.another].
func logNoise(hits, mean, n float64) float64 {
	if hits <= mean {
		return 0
	}
	bound := hits * math.Log(mean/hits)
	if hits < n {
		bound += (n - hits) * math.Log((n-mean)/(n-hits))
	}
	return bound
}

// accuracyIn is the accuracy if class i had the output that class of[i] has now.
func (t *Teacher) accuracyIn(of []int) float64 {
	hits := 0
	for class, row := range t.confusion {
		hits += row[of[class]]
	}
	return float64(hits) / float64(t.Known.Tested.Images)
}

// bestOrder gives each class the output that takes most of its images, the largest numbers first: as indices of
// classes whose outputs these are now.
func (t *Teacher) bestOrder() []int {
	confusion := t.confusion
	type cell struct{ class, as int }
	var cells []cell
	for class, row := range confusion {
		for as, n := range row {
			if n > 0 || class == as {
				cells = append(cells, cell{class, as})
			}
		}
	}
	slices.SortStableFunc(cells, func(a, b cell) int {
		return cmp.Or(-cmp.Compare(confusion[a.class][a.as], confusion[b.class][b.as]),
			-cmp.Compare(btoi(a.class == a.as), btoi(b.class == b.as)))
	})
	order := slices.Repeat([]int{-1}, len(confusion))
	used := make([]bool, len(confusion))
	for _, c := range cells {
		if order[c.class] < 0 && !used[c.as] {
			order[c.class], used[c.as] = c.as, true
		}
	}
	for class := range order {
		if order[class] < 0 {
			free := slices.Index(used, false)
			order[class], used[free] = free, true
		}
	}
	return order
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// once returns the orders without those that are there before under another name.
func once(list []order) (out []order) {
	seen := map[string]bool{}
	for _, o := range list {
		var key []byte
		for _, at := range o.of {
			key = append(key, byte(at), byte(at>>8), byte(at>>16))
		}
		if !seen[string(key)] {
			seen[string(key)] = true
			out = append(out, o)
		}
	}
	return out
}

// indices returns the place of each name in a list; one may be missing there.
func indices(list, names []string) (places []int, missing bool) {
	at := make(map[string]int, len(list))
	for i, name := range list {
		at[name] = i
	}
	for _, name := range names {
		i, ok := at[name]
		missing = missing || !ok
		places = append(places, i)
	}
	return places, missing || len(list) != len(names)
}
