package train

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// small is a protocol that is valid and short.
func small() Protocol {
	return Protocol{
		Steps: 12, Batch: 4, Rate: 3e-3, Warmup: 2, Schedule: Cosine, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-8, Clip: 1,
		EMA:  0.9,
		Seed: 7, LogEvery: 5,
	}
}

func TestRate(t *testing.T) {
	r := Protocol{Steps: 14, Rate: 8, Warmup: 4, Schedule: Cosine}
	for n, want := range map[int]float64{
		1: 2, 2: 4, 4: 8, // a line to the highest
		5: 8, 10: 4, // the cosine begins at its top; half of it after half of the steps
		14: 4 * (1 + math.Cos(0.9*math.Pi)), // the last step of ten still moves
	} {
		if got := r.rateAt(n); math.Abs(got-want) > 1e-14*want {
			t.Errorf("step %d: rate %v, want %v", n, got, want)
		}
	}
	r.Schedule = Constant
	if got := r.rateAt(14); got != 8 {
		t.Errorf("constant: rate %v at the end, want 8", got)
	}
	r.Warmup = 0
	if got := r.rateAt(1); got != 8 {
		t.Errorf("without warm-up: rate %v at first, want 8", got)
	}
}

func TestForget(t *testing.T) {
	r := Protocol{EMA: 0.99}
	for n, want := range map[int]float64{1: 9. / 11, 8: 0.5, 1000: 0.01} {
		if got := r.forgetAt(n); math.Abs(got-want) > 1e-15 {
			t.Errorf("step %d: forgets %v, want %v", n, got, want)
		}
	}
}

func TestProtocolCheck(t *testing.T) {
	if err := small().Check(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Protocol){
		"steps is 0":      func(r *Protocol) { r.Steps = 0 },
		"batch is -1":     func(r *Protocol) { r.Batch = -1 },
		"warmup is -1":    func(r *Protocol) { r.Warmup = -1 },
		"log every is 0":  func(r *Protocol) { r.LogEvery = 0 },
		"rate is NaN":     func(r *Protocol) { r.Rate = math.NaN() },
		"rate is +Inf":    func(r *Protocol) { r.Rate = math.Inf(1) },
		"beta1 is 1":      func(r *Protocol) { r.Beta1 = 1 },
		"ema is 1":        func(r *Protocol) { r.EMA = 1 },
		"clip is -1":      func(r *Protocol) { r.Clip = -1 },
		`schedule is "x"`: func(r *Protocol) { r.Schedule = "x" },
	} {
		r := small()
		change(&r)
		if err := r.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

// TestOrder: in every epoch each image comes once, whatever the batch, and epochs differ.
func TestOrder(t *testing.T) {
	const images = 10
	for _, b := range []int{1, 3, 10, 25} {
		var dealt []int
		for n := 1; len(dealt) < 4*images; n++ {
			batch := order{images, 3}.batch(n, b)
			if len(batch) != b {
				t.Fatalf("batch %d: got %d images", b, len(batch))
			}
			dealt = append(dealt, batch...)
		}
		if b > 1 && !slices.Equal(dealt[:4*images], dealtOneByOne(images, 4)) {
			t.Errorf("batch %d: the images come in another order than one by one", b)
		}
		for e := range 4 {
			epoch := slices.Clone(dealt[e*images : (e+1)*images])
			slices.Sort(epoch)
			for i, v := range epoch {
				if v != i {
					t.Fatalf("batch %d, epoch %d: got the images %v, want each once", b, e, epoch)
				}
			}
		}
		if slices.Equal(dealt[:images], dealt[images:2*images]) {
			t.Errorf("batch %d: two epochs have one order", b)
		}
	}
}

func dealtOneByOne(images, epochs int) []int {
	var dealt []int
	for n := 1; n <= epochs*images; n++ {
		dealt = append(dealt, order{images, 3}.batch(n, 1)...)
	}
	return dealt
}
