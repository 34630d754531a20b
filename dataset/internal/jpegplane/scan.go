package jpegplane

import "fmt"

// bits reads the entropy-coded bits of a scan. Past a marker or the end come zeros, and missing counts them.
type bits struct {
	data    []byte
	pos     int
	value   uint32
	have    int
	missing int  // bits that were not there
	bad     bool // a code that is in no table, or a place beyond the last
}

func (b *bits) at(pos int) { b.pos, b.value, b.have, b.missing = pos, 0, 0, 0 }

// position is where the data that have been used end.
func (b *bits) position() int {
	pos := b.pos
	for n := (b.have - b.missing) / 8; n > 0; n-- { // whole bytes that were read ahead
		pos--
		if pos > 0 && b.data[pos] == 0 && b.data[pos-1] == 0xff {
			pos--
		}
	}
	return pos
}

func (b *bits) bit() int32 {
	if b.have == 0 {
		switch {
		case b.pos < len(b.data) && b.data[b.pos] != 0xff:
			b.value = uint32(b.data[b.pos])
			b.pos++
		case b.pos+1 < len(b.data) && b.data[b.pos+1] == 0:
			b.value = 0xff
			b.pos += 2
		default:
			b.missing++
			return 0
		}
		b.have = 8
	}
	b.have--
	return int32(b.value>>b.have) & 1
}

func (b *bits) get(n int) (v int32) {
	for range n {
		v = v<<1 | b.bit()
	}
	return v
}

// extended is a number of n bits with its sign (T.81, F.2.2.1).
func (b *bits) extended(n int) int32 {
	v := b.get(n)
	if n > 0 && v < 1<<(n-1) {
		v -= 1<<n - 1
	}
	return v
}

// huffman is a table of codes (T.81, annex C): of each length the first code, its place, and how many there are.
type huffman struct {
	first, place, count [17]int32
	values              []byte
}

func (d *decoder) huffmanTables(b []byte) error {
	for len(b) > 0 {
		if len(b) < 17 || b[0]>>4 > 1 || b[0]&15 > 3 {
			return fmt.Errorf("the Huffman tables: %w", errForm)
		}
		t := &huffman{}
		code, n := int32(0), int32(0)
		for length := 1; length <= 16; length++ {
			t.first[length], t.place[length], t.count[length] = code, n, int32(b[length])
			n += t.count[length]
			code = (code + t.count[length]) << 1
		}
		if n > 256 || len(b) < 17+int(n) {
			return fmt.Errorf("the Huffman tables: %w", errForm)
		}
		t.values = b[17 : 17+n]
		d.huff[b[0]>>4][b[0]&15] = t
		b = b[17+n:]
	}
	return nil
}

// symbol decodes one code.
func (b *bits) symbol(t *huffman) int32 {
	code := int32(0)
	for length := 1; length <= 16; length++ {
		code = code<<1 | b.bit()
		if i := code - t.first[length]; i >= 0 && i < t.count[length] {
			return int32(t.values[t.place[length]+i])
		}
	}
	b.bad = true
	return 0
}

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
		p.dcTable, p.acTable = d.huff[0][td], d.huff[1][ta]
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
			d.restart(parts)
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
		if d.missing > 0 {
			return ErrCut
		}
		if d.bad {
			return ErrDamaged
		}
	}
	for _, p := range parts {
		for z := p.from; z <= p.to; z++ {
			p.known[z] = int8(p.low)
		}
	}
	return nil
}

func (d *decoder) restart(parts []part) {
	pos := d.pos
	for pos+1 < len(d.data) && (d.data[pos] != 0xff || d.data[pos+1] < 0xd0 || d.data[pos+1] > 0xd7) {
		if d.data[pos] == 0xff && d.data[pos+1] != 0 && d.data[pos+1] != 0xff {
			break
		}
		pos++
	}
	if pos+1 < len(d.data) && d.data[pos+1] >= 0xd0 && d.data[pos+1] <= 0xd7 {
		pos += 2
	}
	d.at(pos)
	d.eobRun = 0
	for _, p := range parts {
		p.dc = 0
	}
}

func (d *decoder) block(p part, x, y int) {
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
		if z > 63 {
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
