package tensorset

import (
	"maps"
	"math"
	"slices"
)

// channelLevels are the different numbers of each channel, as long as they can be those of bytes.
//
// Images of bytes that were normalised have at most 256 different numbers in a channel, k·step + black for whole k from
// 0 to 255. If black and white are among them, and one pair of neighbours, these say the mean and the deviation,
// whatever they were. Images that were learned have as many numbers as pixels.
type channelLevels struct {
	of   [3]map[float64]bool
	more bool // a channel has more than 256
}

const byteLevels = 256

func (l *channelLevels) add(channel int, x float64) {
	if l.more {
		return
	}
	if l.of[channel] == nil {
		l.of[channel] = map[float64]bool{}
	}
	l.of[channel][x] = true
	l.more = len(l.of[channel]) > byteLevels
}

// linear returns how the numbers become values from 0 to 1, nil if it cannot be told.
func (l *channelLevels) linear() *linear {
	if l.more {
		return nil
	}
	how := &linear{}
	for c, of := range l.of {
		x := slices.Sorted(maps.Keys(of))
		if len(x) < 2 {
			return nil
		}
		span, step := x[len(x)-1]-x[0], math.Inf(1)
		for i := range x[1:] {
			step = min(step, x[i+1]-x[i])
		}
		if math.Round(span/step) != byteLevels-1 {
			return nil
		}
		for _, v := range x {
			if level := (v - x[0]) / span * (byteLevels - 1); math.Abs(level-math.Round(level)) > near {
				return nil
			}
		}
		how.std[c] = 1 / span
		how.mean[c] = -x[0] / span
	}
	return how
}
