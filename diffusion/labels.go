package diffusion

import (
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// The mixing of labels of DMGD (arXiv:2605.03877, section 4.2), as its program does it. A network that has a row e of
// D numbers for each label is told, at timestep τ of T, in the place of the rows e of the class and of ∅
//
//	e'  = √λ·e + √(1 − λ)·( 0.06·u + [τ ≤ 0.9·T]·0.01·e* )
//	e'' = (e' − mean e')·std e/std e' + mean e
//
//	λ   = 1 for τ < 0.5·T,  (0.9·T − τ)/(0.4·T) up to 0.9·T,  0 beyond
//
// with u uniform in [0, 1), drawn anew in each step for both rows, and e* the row of another class of the set, one for
// each image. Mean and standard deviation (of N − 1) are over both rows. Where λ is 1 the rows stay as they are. The
// paper writes 1 − √λ for √(1 − λ), normal noise, and nothing of e”.
const (
	mixedNoise, mixedOther = 0.06, 0.01
	mixedFrom, mixedTo     = 0.9, 0.5 // parts of T
)

// LabelRows are the rows by which a network knows its labels.
type LabelRows struct {
	Table []float32 // [labels, D]; the last one is that of ∅
	D     int
}

func (r LabelRows) row(label int32) []float32 { return r.Table[int(label)*r.D : (int(label)+1)*r.D] }

// labelPart returns λ at a timestep of T.
func labelPart(timestep, steps int) float64 {
	hi, lo := mixedFrom*float64(steps), mixedTo*float64(steps)
	switch at := float64(timestep); {
	case at < lo:
		return 1
	case at > hi:
		return 0
	default:
		return (hi - at) / (hi - lo)
	}
}

// mix returns the rows [2, D] that stand for a label and for none, by uniform numbers u [2, D]. other is less than 0
// where the set has no other class.
func (r LabelRows) mix(label, other int32, timestep, steps int, u []float32) []float32 {
	none := int32(len(r.Table)/r.D - 1)
	rows := append(append(make([]float32, 0, 2*r.D), r.row(label)...), r.row(none)...)
	part := labelPart(timestep, steps)
	if part == 1 {
		return rows
	}
	mixed, rest := make([]float64, len(rows)), math.Sqrt(1-part)
	for i, e := range rows {
		mixed[i] = math.Sqrt(part)*float64(e) + rest*mixedNoise*float64(u[i])
		if part > 0 && other >= 0 {
			mixed[i] += rest * mixedOther * float64(r.row(other)[i%r.D])
		}
	}
	mean, deviation := moments(len(rows), func(i int) float64 { return float64(rows[i]) })
	is, spread := moments(len(rows), func(i int) float64 { return mixed[i] })
	for i, v := range mixed {
		rows[i] = float32((v-is)*deviation/spread + mean)
	}
	return rows
}

// moments returns the mean and the standard deviation, of n − 1, of n numbers.
func moments(n int, at func(i int) float64) (mean, deviation float64) {
	for i := range n {
		mean += at(i) / float64(n)
	}
	for i := range n {
		deviation += (at(i) - mean) * (at(i) - mean)
	}
	return mean, math.Sqrt(deviation / float64(n-1))
}

// MixedLabels is what mixing needs beside the labels of a batch.
type MixedLabels struct {
	LabelRows
	Other   []int32                              // [B], a label of another class; less than 0 is none
	Uniform func(image, step int, dst []float32) // fills dst [2, D] with numbers in [0, 1)
}

// mixed returns what the network is told of the batch's labels in the k-th step, [B, 2, D].
func (s *Sampler) mixed(b Batch, k int, step Step) []float32 {
	var all []float32
	u := make([]float32, 2*b.Mixed.D)
	for i, label := range b.Labels {
		b.Mixed.Uniform(i, k, u)
		all = append(all, b.Mixed.mix(label, b.Mixed.Other[i], step.Timestep, s.settings.Schedule.Steps, u)...)
	}
	return all
}

// told returns what a denoiser is told of its rows with their labels, and without: the labels y [B] and null, or the
// rows y [B, 2, D] of both.
func told(y *Node, null int32) (with, without *Node) {
	switch y.Rank() {
	case 1:
		return y, BroadcastToDims(Const(y.Graph(), null), y.Shape().Dim(0))
	case 3:
		row := func(i int) *Node { return Squeeze(Slice(y, AxisRange(), AxisElem(i)), 1) }
		return row(0), row(1)
	}
	panic(fmt.Errorf("diffusion: labels have shape %s, want [B] or [B, 2, D]", y.Shape()))
}
