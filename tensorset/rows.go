package tensorset

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// rows is what all rows of labels [n, K] have in common.
type rows struct {
	low, high float32 // of all numbers
	total     float64 // of the first row
	equal     bool    // all rows sum to the same
	two       bool    // all numbers are low or high
	one       bool    // each row has one number that is high, and no more
	empty     bool    // a row has nothing above 0
	ties      int     // rows whose largest number is in several columns
	tied      int     // the first of them
}

// nearShares is how far the sum of a row may be from that of the first one, as a part of it: half precision rounds each
// share by up to 2^-11 of it.
const nearShares = 0.01

// small bounds numbers that are shares or targets of a regression, from 0 to 1 before learning moved them. The largest
// logit of a network that knows its classes is above 2.
const small = 1.5

func (r *reader) rows() (c rows, err error) {
	c = rows{low: slices.Min(r.numbers), high: slices.Max(r.numbers), equal: true, two: true, one: true}
	for i := 0; i < len(r.numbers); i += r.k {
		sum, highs, most := 0.0, 0, float32(0)
		for _, x := range r.numbers[i : i+r.k] {
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				return c, fmt.Errorf("labels with a value of %v, want numbers", x)
			}
			sum, most = sum+float64(x), max(most, x)
			if x == c.high {
				highs++
			} else {
				c.two = c.two && x == c.low
			}
		}
		if row := r.numbers[i : i+r.k]; slices.Contains(row[slices.Index(row, slices.Max(row))+1:], slices.Max(row)) {
			if c.ties++; c.ties == 1 {
				c.tied = i / r.k
			}
		}
		if i == 0 {
			c.total = sum
		}
		c.equal = c.equal && math.Abs(sum-c.total) < nearShares*c.total
		c.one = c.one && highs == 1
		c.empty = c.empty || most == 0
	}
	return c, nil
}

// kindOfRows finds out what labels [n, K] are, and says it. The rules are tried in this order:
//
//	two values, one not above 0, the other above it  one-hot, as 0 and 1 or -1 and 1: numbers
//	  once in each row
//	0 and another, in rows of other sums             several classes of an image, or none: refused
//	none below 0; the rows have one sum, or all      shares, of which a row's sum is the whole: 1, 100 for percent
//	  are small
//	some below 0, all small                          targets of a regression, as one-hot less 1/K of KIP and
//	                                                 FRePo: the number is that of the largest
//	else                                             logits
func (r *reader) kindOfRows() (string, error) {
	c, err := r.rows()
	if err != nil {
		return "", err
	}
	if c.ties > 0 {
		r.found.note("%d of %d rows of labels have their largest number in several columns, the first is of image %d: "+
			"the class of such an image is the first of these", c.ties, len(r.numbers)/r.k, c.tied)
	}
	switch {
	case c.two && c.one && c.low <= 0 && c.high > 0:
		return fmt.Sprintf("the labels are one-hot, %v: numbers", r.found.labels.Shape), nil
	case c.two && c.low == 0 && !c.equal:
		return "", errors.New("labels of several classes for one image, or of none: want one class for each image, " +
			"or the share of each")
	case c.low >= 0 && (c.equal || c.high <= small):
		if c.empty {
			return "", errors.New("labels with a row of zeros: want one class for each image, or the share of each")
		}
		r.soft0 = true
		say := fmt.Sprintf("the labels are soft, shares of %d classes", r.k)
		switch {
		case !c.equal:
			say += ", of which the sum of each image's is the whole: they are not the same"
		case math.Abs(c.total-1) >= nearShares:
			say += fmt.Sprintf(", of which %.4g is the whole", c.total)
		}
		return say, nil
	case c.high <= small && c.low >= -small:
		return fmt.Sprintf("the labels, of %d classes, are from %.3g to %.3g, as targets of a regression (KIP, "+
			"FRePo): the class of the largest is taken", r.k, c.low, c.high), nil
	}
	r.soft0, r.logits = true, true
	return fmt.Sprintf("the labels are soft, of %d classes, and no shares (they sum to something else than 1): they "+
		"are taken for logits, as DATM's and TESLA's programs do", r.k), nil
}
