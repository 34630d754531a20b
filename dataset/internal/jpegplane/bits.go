package jpegplane

import (
	"encoding/binary"
	"fmt"
)

// bits reads the entropy-coded bits of a scan. Past a marker or the end come zeros.
type bits struct {
	data   []byte
	pos    int
	value  uint64 // the next bits, from the uppermost down
	have   int    // how many of value count
	padded int    // zeros that were put behind the data
	bad    bool   // a code that is in no table, or a place beyond the last
}

func (b *bits) at(pos int) { b.pos, b.value, b.have, b.padded = pos, 0, 0, 0 }

// short says whether more bits were used than there are.
func (b *bits) short() bool { return b.have < b.padded }

// position is where the data that have been used end.
func (b *bits) position() int {
	pos := b.pos
	for n := (b.have - b.padded) / 8; n > 0; n-- { // whole bytes that were read ahead
		pos--
		if pos > 0 && b.data[pos] == 0 && b.data[pos-1] == 0xff {
			pos--
		}
	}
	return pos
}

// fill reads ahead, 57 bits at least.
func (b *bits) fill() {
	if b.pos+8 <= len(b.data) {
		next := binary.BigEndian.Uint64(b.data[b.pos:])
		// A byte of 0xff would begin a marker, or be followed by a stuffed 0. Where none of eight is one, they are
		// taken at once: subtracting 1 from each byte of the complement borrows from a byte of 0 only.
		if zero := ^next; (zero-0x0101010101010101)&^zero&0x8080808080808080 == 0 { // no byte is 0xff
			// The bits beyond those that are counted are the ones that come next: to or them in again changes nothing.
			b.value |= next >> b.have
			n := (64 - b.have) / 8
			b.pos, b.have = b.pos+n, b.have+8*n
			return
		}
	}
	for ; b.have <= 56; b.have += 8 {
		next := uint64(0)
		switch {
		case b.pos < len(b.data) && b.data[b.pos] != 0xff:
			next = uint64(b.data[b.pos])
			b.pos++
		// a stuffed byte (T.81, B.1.1.5)
		case b.pos+1 < len(b.data) && b.data[b.pos+1] == 0:
			next = 0xff
			b.pos += 2
		default:
			// a marker, or the end: zeros, as libjpeg has them, and counted, so that it is known when one of them is
			// used
			b.padded += 8
		}
		b.value |= next << (56 - b.have)
	}
}

// skip passes over n bits, 57 at most.
func (b *bits) skip(n int) {
	if b.have < n {
		b.fill()
	}
	b.value <<= n
	b.have -= n
}

// get reads n bits, 16 at most.
func (b *bits) get(n int) int32 {
	if b.have < n {
		b.fill()
	}
	v := int32(b.value >> (64 - n))
	b.value <<= n
	b.have -= n
	return v
}

func (b *bits) bit() int32 { return b.get(1) }

// extended is a number of n bits with its sign (T.81, F.2.2.1).
func (b *bits) extended(n int) int32 {
	v := b.get(n)
	if n > 0 && v < 1<<(n-1) {
		v -= 1<<n - 1
	}
	return v
}

const quick = 10 // bits of the codes that are looked up

// entry is a code of up to quick bits; all zero is a longer one.
type entry struct {
	length, value uint8
	all           uint8 // bits of the code and of the number that follows it
	// of the zigzag order that the code of an AC coefficient passes over; 64 is the end of the block
	places uint8
}

// huffman is a table of codes (T.81, annex C): of each length the first code, its place, and how many there are.
type huffman struct {
	first, place, count [17]int32
	values              []byte
	look                [1 << quick]entry // by the next bits
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
			code += t.count[length]
			// more codes than there are numbers of so many bits
			if code > 1<<length {
				return fmt.Errorf("the Huffman tables: %w", errForm)
			}
			code <<= 1
		}
		if n > 256 || len(b) < 17+int(n) {
			return fmt.Errorf("the Huffman tables: %w", errForm)
		}
		t.values = b[17 : 17+n]
		t.fillLook()
		d.huff[b[0]>>4][b[0]&15] = t
		b = b[17+n:]
	}
	return nil
}

// step is what the code of an AC coefficient means (T.81, F.1.2.2.1): the upper four bits are zeros before it, the
// lower four the bits of its number. No bits are the end of the block, or, with 15 zeros, sixteen of them.
func step(value uint8) entry {
	e := entry{value: value, places: value>>4 + 1}
	if value&15 == 0 && value != 0xf0 {
		e.places = 64
	}
	return e
}

// fillLook writes each code of up to quick bits at all places that begin with it.
func (t *huffman) fillLook() {
	for length := 1; length <= quick; length++ {
		for i := range t.count[length] {
			v := t.values[t.place[length]+i]
			e := step(v)
			e.length, e.all = uint8(length), uint8(length)+v&15
			from := (t.first[length] + i) << (quick - length)
			for j := range int32(1) << (quick - length) {
				t.look[from+j] = e
			}
		}
	}
}

// symbol decodes one code. Sixteen bits after it have been read ahead.
func (b *bits) symbol(t *huffman) int32 {
	if b.have < 32 {
		b.fill()
	}
	if e := t.look[b.value>>(64-quick)]; e.length != 0 {
		b.value <<= e.length
		b.have -= int(e.length)
		return int32(e.value)
	}
	for length := quick + 1; length <= 16; length++ {
		code := int32(b.value >> (64 - length))
		if i := code - t.first[length]; i >= 0 && i < t.count[length] {
			b.value <<= length
			b.have -= length
			return int32(t.values[t.place[length]+i])
		}
	}
	// no code begins so: the data are damaged, and some bits are passed over so that the caller ends
	b.bad = true
	b.skip(16)
	return 0
}
