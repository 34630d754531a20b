package evaluate

import "math"

// chanceOf returns the accuracy of a net that takes images for classes as often as this one does, but without looking:
// Σ share of a class · share of what is taken for it. It also returns the accuracy up to which one cannot be told from
// that: three standard deviations of so many guesses, √(c·(1 − c)/images), above it, which one guesser in 740 exceeds;
// but never more than half of the way to 1, so that a handful of images, all right, is no chance.
func chanceOf(confusion [][]int) (chance, bound float64) {
	images := 0
	given, taken := make([]int, len(confusion)), make([]int, len(confusion))
	for class, row := range confusion {
		for as, n := range row {
			given[class] += n
			taken[as] += n
			images += n
		}
	}
	for class := range confusion {
		chance += float64(given[class]) / float64(images) * float64(taken[class]) / float64(images)
	}
	return chance, chance + min(3*math.Sqrt(chance*(1-chance)/float64(images)), (1-chance)/2)
}

// AtChance reports whether the accuracy that the scores publish, of trainings of one net on one set, cannot be told
// from guessing, and up to which accuracy that would be.
func AtChance(scores []*Score) (at bool, bound float64) {
	var sum [][]int
	hits, images := 0, 0
	for _, s := range scores {
		confusion, _ := s.Confused()
		if sum == nil {
			sum = make([][]int, len(confusion))
		}
		for class, row := range confusion {
			if sum[class] == nil {
				sum[class] = make([]int, len(row))
			}
			hits += row[class]
			for as, n := range row {
				sum[class][as] += n
				images += n
			}
		}
	}
	if images == 0 || len(sum) < 2 {
		return false, 0
	}
	_, bound = chanceOf(sum)
	return float64(hits)/float64(images) <= bound, bound
}
