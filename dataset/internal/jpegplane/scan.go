package jpegplane

import "fmt"

// part is what a scan says of one component, and of the coefficients that it brings.
type part struct {
	*component
	dcTable, acTable *huffman
	from, to         int // of the zigzag order
	high, low        int // bits
}

// scan decodes one scan (T.81, B.2.3).
func (d *decoder) scan(b []byte) error {
	if d.comps == nil || len(b) < 1 || len(b) < 4+2*int(b[0]) || b[0] < 1 || int(b[0]) > len(d.comps) {
		return fmt.Errorf("a scan's header: %w", errForm)
	}
	n := int(b[0])
	tail := b[1+2*n:]
	from, to, high, low := 0, 63, 0, 0
	if d.progressive {
		from, to, high, low = int(tail[0]), int(tail[1]), int(tail[2]>>4), int(tail[2]&15)
	}
	if from > to || to > 63 || from > 0 && n > 1 || low > 13 || d.progressive && from == 0 && to != 0 {
		return fmt.Errorf("a scan of the coefficients %d to %d: %w", from, to, errForm)
	}
	parts := make([]part, n)
	for i := range parts {
		p := part{from: from, to: to, high: high, low: low}
		for j := range d.comps {
			if d.comps[j].id == b[1+2*i] {
				p.component = &d.comps[j]
			}
		}
		td, ta := b[2+2*i]>>4, b[2+2*i]&15
		if p.component == nil || td > 3 || ta > 3 {
			return fmt.Errorf("a scan's components: %w", errForm)
		}
		p.dcTable, p.acTable = d.table(0, td), d.table(1, ta)
		if from == 0 && high == 0 && p.dcTable == nil || to > 0 && p.acTable == nil {
			return fmt.Errorf("a scan's Huffman table is missing")
		}
		if p.quant == nil {
			p.quant = d.quant[p.tq]
		}
		p.dc = 0
		parts[i] = p
	}
	return d.mcus(parts)
}

// mcus decodes the units of a scan, and notes what it brought.
func (d *decoder) mcus(parts []part) error {
	first := parts[0].component
	across, down := up(d.w, 8*d.hMax), up(d.h, 8*d.vMax)
	if len(parts) == 1 {
		across, down = up(first.w, 8), up(first.ht, 8)
	}
	d.eobRun = 0
	for i := range across * down {
		if d.interval > 0 && i > 0 && i%d.interval == 0 {
			if err := d.restart(parts, byte(i/d.interval-1)); err != nil {
				return err
			}
		}
		x, y := i%across, i/across
		for _, p := range parts {
			if len(parts) == 1 {
				d.block(p, x, y)
				continue
			}
			for v := range p.v {
				for h := range p.h {
					d.block(p, x*p.h+h, y*p.v+v)
				}
			}
		}
		if d.short() {
			return ErrCut
		}
		if d.bad {
			return ErrDamaged
		}
	}
	if d.eobRun > 0 { // beyond the last block
		return ErrDamaged
	}
	for _, p := range parts {
		for z := p.from; z <= p.to; z++ {
			p.known[z] = int8(p.low)
		}
	}
	return nil
}

// restart goes on behind the next marker, which must be restart marker n modulo 8.
func (d *decoder) restart(parts []part, n byte) error {
	pos, err := d.rest()
	if err != nil {
		return err
	}
	if d.eobRun > 0 {
		return ErrDamaged
	}
	for pos < len(d.data) && d.data[pos] == 0xff {
		pos++
	}
	if pos >= len(d.data) || d.data[pos] < 0xd0 || d.data[pos] > 0xd7 {
		return ErrCut
	}
	if d.data[pos] != 0xd0+n%8 {
		return ErrDamaged
	}
	d.at(pos + 1)
	for _, p := range parts {
		p.dc = 0
	}
	return nil
}

// rest counts the bytes that no pixel asked for, and returns the place of the marker behind them. The last byte is
// filled up with ones (T.81, F.1.2.3), by some programs with zeros; other bits in it count as a byte. Where the data
// end in zeros that served as codes, and more zeros are left, the zeros stand in place of data.
func (d *decoder) rest() (int, error) {
	end := d.position()
	if n := max(d.have-d.padded, 0) % 8; n > 0 {
		if last := d.get(n); last != 0 && last != 1<<n-1 {
			d.Extra++
		}
	}
	pos := end
	for pos < len(d.data) && (d.data[pos] != 0xff || pos+1 < len(d.data) && d.data[pos+1] == 0) {
		pos++
	}
	d.Extra += pos - end
	if pos > end && end >= 3 && d.data[end] == 0 && d.data[end-1] == 0 && d.data[end-2] == 0 && d.data[end-3] == 0 {
		return pos, ErrCut
	}
	return pos, nil
}

func (d *decoder) block(p part, x, y int) {
	if d.walk {
		d.pass(p, y*p.across+x)
		return
	}
	coef := (*[64]int16)(p.coef[64*(y*p.across+x):])
	switch {
	case !d.progressive:
		d.dcFirst(p, coef)
		d.acFirst(p, coef, 1)
	case p.from == 0 && p.high == 0:
		d.dcFirst(p, coef)
	case p.from == 0:
		coef[0] |= int16(d.bit() << p.low)
	case p.high == 0:
		d.acFirst(p, coef, p.from)
	default:
		d.acRefine(p, coef)
	}
}

func (d *decoder) dcFirst(p part, coef *[64]int16) {
	p.dc += d.extended(int(d.symbol(p.dcTable)) & 15)
	coef[0] = int16(p.dc << p.low)
}

// acFirst decodes the coefficients of a block, or their upper bits (T.81, F.2.2.2 and G.1.2.2).
func (d *decoder) acFirst(p part, coef *[64]int16, from int) {
	if d.eobRun > 0 {
		d.eobRun--
		return
	}
	for z := from; z <= p.to; z++ {
		s := d.symbol(p.acTable)
		run, size := int(s>>4), int(s&15)
		if size == 0 {
			if run == 15 {
				z += 15
				continue
			}
			if d.progressive {
				d.eobRun = 1<<run - 1 + d.get(run)
			}
			return
		}
		z += run
		v := d.extended(size)
		if z > p.to {
			d.bad = true
			return
		}
		coef[zigzag[z]] = int16(v << p.low)
	}
}

// acRefine adds one bit to the coefficients of a block (T.81, G.1.2.3).
func (d *decoder) acRefine(p part, coef *[64]int16) {
	plus := int16(1) << p.low
	z := p.from
	for ; d.eobRun == 0 && z <= p.to; z++ {
		s := d.symbol(p.acTable)
		run, size := int(s>>4), s&15
		value := int16(0)
		if size > 1 {
			d.bad = true
		}
		if size != 0 {
			value = -plus
			if d.bit() == 1 {
				value = plus
			}
		} else if run < 15 {
			d.eobRun = 1<<run + d.get(run)
			break
		}
		for ; z <= p.to; z++ {
			c := &coef[zigzag[z]]
			if *c != 0 {
				d.refine(c, plus)
				continue
			}
			if run == 0 {
				*c = value
				break
			}
			run--
		}
		if size != 0 && z > p.to {
			d.bad = true
		}
	}
	if d.eobRun > 0 {
		for ; z <= p.to; z++ {
			if c := &coef[zigzag[z]]; *c != 0 {
				d.refine(c, plus)
			}
		}
		d.eobRun--
	}
}

func (d *decoder) refine(c *int16, plus int16) {
	if d.bit() == 1 && *c&plus == 0 {
		if *c > 0 {
			*c += plus
		} else {
			*c -= plus
		}
	}
}
