package jpegplane

import mathbits "math/bits"

// pass goes over the codes of block i of a component as block does.
func (d *decoder) pass(p part, i int) {
	switch {
	case !d.progressive:
		d.skip(int(d.symbol(p.dcTable)) & 15)
		d.passBaseline(p.acTable)
	case p.from == 0 && p.high == 0:
		d.skip(int(d.symbol(p.dcTable)) & 15)
	case p.from == 0:
		d.skip(1)
	case p.high == 0:
		d.passFirst(p, &p.came[i])
	default:
		d.passRefine(p, &p.came[i])
	}
}

// passBaseline goes over the codes of a block's AC coefficients. It is most of a walk.
func (d *decoder) passBaseline(t *huffman) {
	value, have := d.value, d.have
	for z := 1; z < 64; {
		if have < 32 {
			d.value, d.have = value, have
			d.fill()
			value, have = d.value, d.have
		}
		e := t.look[value>>(64-quick)]
		if e.length == 0 {
			d.value, d.have = value, have
			s := d.symbol(t)
			d.skip(int(s & 15))
			value, have = d.value, d.have
			e = step(uint8(s))
		}
		value <<= e.all & 63
		have -= int(e.all)
		z += int(e.places)
		if z > 64 && e.places <= 16 && e.value != 0xf0 {
			d.bad = true
		}
	}
	d.value, d.have = value, have
}

// passFirst is acFirst.
func (d *decoder) passFirst(p part, came *uint64) {
	if d.eobRun > 0 {
		d.eobRun--
		return
	}
	for z := p.from; z <= p.to; z++ {
		s := d.symbol(p.acTable)
		run, size := int(s>>4), int(s&15)
		if size == 0 && run < 15 {
			d.eobRun = 1<<run - 1 + d.get(run)
			return
		}
		z += run
		if size == 0 {
			continue
		}
		d.skip(size)
		if z > p.to {
			d.bad = true
			return
		}
		*came |= 1 << z
	}
}

// passRefine is acRefine: of each coefficient that is not zero comes one bit.
func (d *decoder) passRefine(p part, came *uint64) {
	z := p.from
	for ; d.eobRun == 0 && z <= p.to; z++ {
		s := d.symbol(p.acTable)
		run, size := int(s>>4), s&15
		if size > 1 {
			d.bad = true
		}
		if size != 0 {
			d.skip(1)
		} else if run < 15 {
			d.eobRun = 1<<run + d.get(run)
			break
		}
		for ; z <= p.to; z++ {
			if *came>>z&1 != 0 {
				d.skip(1)
				continue
			}
			if run == 0 {
				if size != 0 {
					*came |= 1 << z
				}
				break
			}
			run--
		}
		if size != 0 && z > p.to {
			d.bad = true
		}
	}
	if d.eobRun > 0 {
		if z <= p.to {
			n := mathbits.OnesCount64(*came >> z << z << (63 - p.to))
			d.skip(n / 2) // all of them may be more than are read ahead
			d.skip(n - n/2)
		}
		d.eobRun--
	}
}
