package terminal

import (
	"math"
	"time"
)

// pace is the rate of a stage, steady enough for people to plan by: that of what was made lately, which is a third of
// the time so far and half a minute at least. Units come in batches, so that a batch and its time are weighed
// together; how often it is asked decides nothing.
type pace struct {
	at                 time.Time // of the last event
	made, others       int       // units at that event
	units, seconds     float64   // weighed
	allUnits, allTaken float64   // of the whole stage
}

// lately is the least time that is measured over, in seconds. What decays by exp(-dt/(t/2)) has the weight t/3.
const lately = 30

// add tells of the units that were made until now, and of those that others made, or that were found.
func (p *pace) add(made, others int, now time.Time) {
	dMade, dOthers, dt := made-p.made, others-p.others, now.Sub(p.at).Seconds()
	first := p.at.IsZero()
	switch {
	case first || dMade < 0:
		*p = pace{}
	case dMade == 0 && dOthers == 0:
		return // its time belongs to the units to come
	case dMade > 0:
		keep := math.Exp(-dt / max(lately, p.allTaken/2))
		p.units, p.seconds = keep*p.units+float64(dMade), keep*p.seconds+dt
		p.allUnits, p.allTaken = p.allUnits+float64(dMade), p.allTaken+dt
	}
	p.at, p.made, p.others = now, made, others
}

// rate is in units a second, 0 where it is not known; that of a whole stage at its end.
func (p *pace) rate(end bool) float64 {
	units, seconds := p.units, p.seconds
	if end {
		units, seconds = p.allUnits, p.allTaken
	}
	if seconds <= 0 {
		return 0
	}
	return units / seconds
}
