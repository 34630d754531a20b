package evaluate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// guesser is a teacher that was tested on n images of each of k classes: an image of class c has the guess hit(c) with
// the probability right, and else one of all classes by these shares, which are not equal.
func guesser(rng *rand.Rand, k, n int, right float64, hit func(c int) int) *Teacher {
	total, shares := 0.0, make([]float64, k)
	for i := range shares {
		shares[i] = math.Exp(rng.NormFloat64() / 2)
		total += shares[i]
	}
	confusion := make([][]int, k)
	for c := range confusion {
		confusion[c] = make([]int, k)
		for range n {
			as := hit(c)
			if rng.Float64() >= right {
				at := rng.Float64() * total
				for as = 0; as < k-1 && at >= shares[as]; as++ {
					at -= shares[as]
				}
			}
			confusion[c][as]++
		}
	}
	t := doubted(confusion)
	for i := range t.names {
		t.names[i] = fmt.Sprintf("c%04d", i)
	}
	return t
}

// TestNoOrderOfNoise: of teachers that know nothing no order is named, of outputs or of labels, whatever the number of
// classes and images.
func TestNoOrderOfNoise(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct{ classes, each, teachers int }{{2, 1, 300}, {2, 10, 300}, {3, 2, 300}, {5, 4, 300},
		{10, 1, 300}, {10, 10, 300}, {10, 100, 100}, {100, 2, 20}, {100, 50, 5}, {240, 4, 5}} {
		for range c.teachers {
			teacher := guesser(rng, c.classes, c.each, 0, func(c int) int { return c })
			if other, right := teacher.another(teacher.namedOrders()); other != nil {
				t.Fatalf("%d classes, %d images of each: the order %q would have %.3f", c.classes, c.each, other.name,
					right)
			}
			if other, right := teacher.another(teacher.labelOrders()); other != nil {
				t.Fatalf("%d classes, %d images of each: the labels' order %q would have %.3f", c.classes, c.each,
					other.name, right)
			}
		}
	}
}

// TestOrderOfSomeSkill: a teacher whose outputs are moved is told its order, always, as soon as its accuracy is by four
// deviations above the one at which the bound of noise is reached, and above twice what the present order may have by
// chance; one of an order without a name, as well.
func TestOrderOfSomeSkill(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct {
		classes, each int
		named         bool
		want          float64 // the accuracy that is enough, to a hundredth: what a reader can expect
	}{
		{10, 10, true, 0.65}, {10, 100, true, 0.34}, {100, 10, true, 0.07}, {240, 4, true, 0.04},
		{10, 10, false, 0.65}, {10, 100, false, 0.34}, {100, 10, false, 0.23}, {240, 4, false, 0.38},
	} {
		n := float64(c.classes * c.each)
		k := math.Log(float64(c.classes + 7)) // no more have names
		if !c.named {
			k, _ = math.Lgamma(float64(c.classes + 1))
		}
		hits := n / float64(c.classes)
		for logNoise(hits, n/float64(c.classes), n)+k > math.Log(mostNoise) {
			hits++
		}
		mean := n / float64(c.classes)
		hits = max(hits, 2*(mean+4*math.Sqrt(mean))) // twice what the present order may have
		enough := (hits + 4*math.Sqrt(hits*(1-hits/n))) / n
		if math.Abs(enough-c.want) > 0.011 {
			t.Errorf("%d classes, %d images of each, named %v: enough is %.3f, want %.2f", c.classes, c.each, c.named,
				enough, c.want)
		}
		perm, shuffled := rng.Perm(c.classes), make([]int, c.classes) // a circle: no class stays
		for i, class := range perm {
			shuffled[class] = perm[(i+1)%len(perm)]
		}
		for range 10 {
			hit := func(class int) int { return (class + 3) % c.classes }
			if !c.named {
				hit = func(class int) int { return shuffled[class] }
			}
			teacher := guesser(rng, c.classes, c.each, enough, hit)
			other, _ := teacher.another(teacher.namedOrders())
			if other == nil {
				t.Fatalf("%d classes, %d images of each, accuracy %.3f: no order", c.classes, c.each, enough)
			}
			if c.named && !strings.Contains(other.name, "moved on by") {
				t.Errorf("%d classes, accuracy %.3f: the order %q, want moved on", c.classes, enough, other.name)
			}
			if !c.named && other.name != "" {
				t.Errorf("%d classes, accuracy %.3f: the order %q, want one without a name", c.classes, enough,
					other.name)
			}
		}
	}
}

// TestWeakTeacherIsNotDoubted: a teacher of 240 classes with 8 % in the right order has more in the best order of all,
// by chance, and is no reason for doubt.
func TestWeakTeacherIsNotDoubted(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 5 {
		teacher := guesser(rng, 240, 4, 0.08, func(c int) int { return c })
		if err := teacher.Doubt(); err != nil {
			t.Fatal(err)
		}
		if free := teacher.accuracyIn(teacher.bestOrder()); free < 0.2 {
			t.Errorf("the best order of all has %.3f: this case is none", free)
		}
	}
}

// TestLogNoise: known answers, and the exact tail of a binomial number lies below.
func TestLogNoise(t *testing.T) {
	for _, c := range []struct{ hits, mean, n, want float64 }{
		{40, 20, 40, -40 * math.Ln2}, {5, 5, 10, 0}, {3, 5, 10, 0}, {10, 5, 20, 10*math.Log(0.5) + 10*math.Log(1.5)},
	} {
		if got := logNoise(c.hits, c.mean, c.n); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%v hits, %v expected of %v: %v, want %v", c.hits, c.mean, c.n, got, c.want)
		}
	}
	for n := 1; n <= 30; n++ {
		for _, p := range []float64{0.01, 0.1, 0.5} {
			tail := 0.0
			for h := n; h >= 0; h-- {
				a, _ := math.Lgamma(float64(n + 1))
				b, _ := math.Lgamma(float64(h + 1))
				c, _ := math.Lgamma(float64(n - h + 1))
				tail += math.Exp(a - b - c + float64(h)*math.Log(p) + float64(n-h)*math.Log(1-p))
				if bound := math.Exp(logNoise(float64(h), float64(n)*p, float64(n))); tail > bound*(1+1e-9) {
					t.Errorf("%d of %d at %v: the tail is %v, the bound %v", h, n, p, tail, bound)
				}
			}
		}
	}
}

// TestOnce: an order has its first name alone.
func TestOnce(t *testing.T) {
	got := once([]order{{"a", []int{0, 1}}, {"b", []int{0, 1}}, {"c", []int{1, 0}}})
	if len(got) != 2 || got[0].name != "a" || !slices.Equal(got[1].of, []int{1, 0}) {
		t.Errorf("got %v", got)
	}
}
