package train

import (
	"fmt"
	"math"
	"slices"

	"mgd3/internal/words"
	"mgd3/optim"
)

// Protocol is how a network steps down its loss. It is "recipe" in training.json, as it always was.
type Protocol struct {
	Steps    int     `json:"steps"`
	Batch    int     `json:"batch"`    // images of a step
	Rate     float64 `json:"rate"`     // the highest
	Warmup   int     `json:"warmup"`   // steps in which the rate rises from 0; the last of them has all of it
	Schedule string  `json:"schedule"` // of the rate after that, one of Schedules
	Beta1    float64 `json:"beta1"`    // of AdamW, as are the next three
	Beta2    float64 `json:"beta2"`
	Epsilon  float64 `json:"epsilon"`
	Decay    float64 `json:"decay"`
	Clip     float64 `json:"clip"` // largest norm of all gradients together; 0 leaves them
	EMA      float64 `json:"ema"`  // decay of the running mean of the weights, which is what is kept in the end
	Flip     bool    `json:"flip"` // mirror every other image by chance
	Seed     uint64  `json:"seed"`
	LogEvery int     `json:"log_every"` // steps from one row of the loss curve to the next
}

// The schedules of the rate.
const (
	Constant = "constant"
	Cosine   = "cosine" // half a cosine, to 0 after the last step
)

// Schedules lists them.
var Schedules = []string{Constant, Cosine}

// Check names the first setting out of its range: counts of at least 1 (warmup 0), decays in [0, 1), all else finite
// and not negative.
func (r Protocol) Check() error {
	for _, f := range []struct {
		name       string
		value, min int
	}{
		{"steps", r.Steps, 1}, {"batch", r.Batch, 1}, {"warmup", r.Warmup, 0}, {"log every", r.LogEvery, 1},
	} {
		if f.value < f.min {
			return fmt.Errorf("%s is %d, want at least %d", f.name, f.value, f.min)
		}
	}
	for _, f := range []struct {
		name         string
		value, below float64
	}{
		{"rate", r.Rate, math.Inf(1)}, {"beta1", r.Beta1, 1}, {"beta2", r.Beta2, 1},
		{"epsilon", r.Epsilon, math.Inf(1)},
		{"decay", r.Decay, math.Inf(1)}, {"clip", r.Clip, math.Inf(1)}, {"ema", r.EMA, 1},
	} {
		if !(f.value >= 0 && f.value < f.below) {
			return fmt.Errorf("%s is %v, want at least 0 and below %v", f.name, f.value, f.below)
		}
	}
	if !slices.Contains(Schedules, r.Schedule) {
		return fmt.Errorf("the schedule is %q, want %s", r.Schedule, words.Or(Schedules))
	}
	return nil
}

func (r Protocol) adam() optim.AdamW {
	return optim.AdamW{Beta1: r.Beta1, Beta2: r.Beta2, Epsilon: r.Epsilon, Decay: r.Decay}
}

// rateAt is the rate of the n-th step, from 1, with W the warmup and N all steps:
//
//	n ≤ W   rate·n/W
//	n > W   rate·½·(1 + cos(π·(n − 1 − W)/(N − W)))     0 would come at step N + 1, so every step counts
//
// or rate for all n > W under [Constant].
func (r Protocol) rateAt(n int) float64 {
	if n <= r.Warmup {
		return r.Rate * float64(n) / float64(r.Warmup)
	}
	if r.Schedule == Constant {
		return r.Rate
	}
	part := float64(n-1-r.Warmup) / float64(max(1, r.Steps-r.Warmup))
	return r.Rate * (1 + math.Cos(math.Pi*part)) / 2
}

// forgetAt is what the running mean forgets at the n-th step, 1 − d: much at first, when the weights are still far off.
func (r Protocol) forgetAt(n int) float64 {
	return 1 - min(r.EMA, float64(1+n)/float64(10+n))
}

// at is the input of the step's graph that counts for the n-th step alone, [4]: what [optim.AdamW.At] returns, its rate
// and the corrections of its moments, and forgetAt. So one compiled graph serves all steps.
func (r Protocol) at(n int) []float32 {
	return append(r.adam().At(r.rateAt(n), n), float32(r.forgetAt(n)))
}
