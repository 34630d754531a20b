// Package jpegplane decodes a JPEG file up to the planes of its components, each at its own size, as libjpeg has them
// (ITU-T T.81): baseline, extended and progressive files of 8 bits with Huffman codes, of any sampling factors and
// scans. It is for the files that the fast decoder has no form for, and for damaged ones: it knows whether all data
// were there.
//
//	file        what is read of it                                        T.81
//	frame       size, components with sampling factors H × V              B.2.2
//	scan        Huffman codes → coefficients [down, across, 64]           F.2, G.1
//	plane       inverse transform of coefficient · quantum, + 128         A.3
//
// A plane has ⌈W·H/Hmax⌉ columns and ⌈height·V/Vmax⌉ rows of samples, rounded up to whole blocks of 8 × 8. Whether the
// data were whole is not asked of markers, which damaged files have or lack by chance: every bit of every coefficient
// must have come.
package jpegplane

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Plane is the samples of one component.
type Plane struct {
	H, V   int     // sampling factors
	W, Ht  int     // columns and rows that belong to the image
	Stride int     // bytes from row to row
	Pix    []uint8 // rows of whole blocks
}

var (
	// ErrCut says that the data end before the last pixel.
	ErrCut = errors.New("the file is cut short: data of pixels are missing")
	// ErrDamaged says that the data are no codes.
	ErrDamaged = errors.New("the data of the pixels are damaged")
	errForm    = errors.New("want the segments of a JPEG file")
)

// component is one of the frame's.
type component struct {
	id           byte
	h, v, tq     int
	w, ht        int      // in samples, of the image
	across, down int      // blocks, of whole MCUs
	coef         []int16  // [down, across, 64], in natural order
	came         []uint64 // [down, across], of a walk: a bit by zigzag place for each coefficient that is not zero
	quant        *[64]uint16
	known        [64]int8 // the lowest bit of the coefficients that has come, by zigzag place; -1 is none
	dc           int32
}

type decoder struct {
	bits
	w, h, hMax, vMax int
	progressive      bool
	comps            []component
	quant            [4]*[64]uint16
	huff             [2][4]*huffman
	interval         int
	eobRun           int32
	walk             bool // only to see whether all codes are there
	Scans
}

// Scans is what the data of all scans were.
type Scans struct {
	End   int // where those of the last one end
	Extra int // bytes before markers that no pixel asked for
}

// Decode returns the planes. It is an [ErrCut] if not all data are there.
func Decode(data []byte) (planes []Plane, s Scans, err error) {
	d := &decoder{bits: bits{data: data}}
	if err := d.all(); err != nil {
		return nil, Scans{}, err
	}
	for i := range d.comps {
		planes = append(planes, d.comps[i].plane())
	}
	return planes, d.Scans, nil
}

// Walk goes over the codes of all scans as Decode does, with its errors, and makes no planes of them.
func Walk(data []byte) (Scans, error) {
	d := &decoder{bits: bits{data: data}, walk: true}
	err := d.all()
	return d.Scans, err
}

// all reads the file, and looks whether every bit of every coefficient has come.
func (d *decoder) all() error {
	if err := d.segments(); err != nil {
		return err
	}
	for i := range d.comps {
		for _, bit := range d.comps[i].known {
			if bit != 0 {
				return ErrCut
			}
		}
		if d.comps[i].quant == nil {
			return errors.New("a quantization table is missing")
		}
	}
	return nil
}

// segments walks through the file up to its end or its end-of-image marker.
func (d *decoder) segments() error {
	for pos := 2; ; {
		for pos < len(d.data) && d.data[pos] != 0xff {
			pos++
		}
		for pos < len(d.data) && d.data[pos] == 0xff {
			pos++
		}
		if pos >= len(d.data) || d.data[pos] == 0xd9 {
			if d.comps == nil {
				return fmt.Errorf("has no frame: %w", errForm)
			}
			return nil
		}
		marker := d.data[pos]
		pos++
		if marker <= 1 || marker >= 0xd0 && marker <= 0xd8 {
			continue
		}
		n := 0
		if pos+2 <= len(d.data) {
			n = int(binary.BigEndian.Uint16(d.data[pos:]))
		}
		if n < 2 || pos+n > len(d.data) {
			if d.comps == nil {
				return ErrCut
			}
			return nil // what is missing shows in the coefficients
		}
		body := d.data[pos+2 : pos+n]
		pos += n
		var err error
		switch marker {
		case 0xc0, 0xc1, 0xc2:
			d.progressive = marker == 0xc2
			err = d.frame(body)
		case 0xc4:
			err = d.huffmanTables(body)
		case 0xdb:
			err = d.quantTables(body)
		case 0xdd:
			if len(body) < 2 {
				return errForm
			}
			d.interval = int(binary.BigEndian.Uint16(body))
		case 0xda:
			d.at(pos)
			if err = d.scan(body); err == nil {
				d.End = d.position()
				pos, err = d.rest()
				// one restart marker too many, or more
				for err == nil && pos+1 < len(d.data) && d.data[pos+1]&^7 == 0xd0 {
					d.at(pos + 2)
					pos, err = d.rest()
				}
			}
		}
		if err != nil {
			return err
		}
	}
}

// frame reads a frame header (T.81, B.2.2) and makes room.
func (d *decoder) frame(b []byte) error {
	if d.comps != nil || len(b) < 6 || len(b) < 6+3*int(b[5]) || b[5] < 1 || b[5] > 4 || b[0] != 8 {
		return fmt.Errorf("the frame header: %w", errForm)
	}
	d.h, d.w = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	const most = 1024 // pixels that a byte of a file may stand for
	if d.w == 0 || d.h == 0 || d.w*d.h > most*len(d.data) {
		return ErrCut
	}
	comps := make([]component, b[5])
	for i := range comps {
		c := &comps[i]
		c.id, c.h, c.v, c.tq = b[6+3*i], int(b[7+3*i]>>4), int(b[7+3*i]&15), int(b[8+3*i])
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.tq > 3 {
			return fmt.Errorf("sampling factors %d × %d, want 1 to 4", c.h, c.v)
		}
		if len(comps) == 1 {
			c.h, c.v = 1, 1
		}
		d.hMax, d.vMax = max(d.hMax, c.h), max(d.vMax, c.v)
		for z := range c.known {
			c.known[z] = -1
		}
	}
	for i := range comps {
		c := &comps[i]
		c.w, c.ht = up(d.w*c.h, d.hMax), up(d.h*c.v, d.vMax)
		c.across, c.down = up(d.w, 8*d.hMax)*c.h, up(d.h, 8*d.vMax)*c.v
		if !d.walk {
			c.coef = make([]int16, 64*c.across*c.down)
		} else if d.progressive {
			c.came = make([]uint64, c.across*c.down)
		}
	}
	d.comps = comps
	return nil
}

func up(a, b int) int { return (a + b - 1) / b }

func (d *decoder) quantTables(b []byte) error {
	for len(b) > 0 {
		wide, id := int(b[0]>>4), b[0]&15
		if n := 1 + 64<<wide; wide > 1 || id > 3 || len(b) < n {
			return fmt.Errorf("the quantization tables: %w", errForm)
		}
		table := new([64]uint16)
		for z, at := range zigzag {
			if wide == 0 {
				table[at] = uint16(b[1+z])
			} else {
				table[at] = binary.BigEndian.Uint16(b[1+2*z:])
			}
		}
		d.quant[id] = table
		b = b[1+64<<wide:]
	}
	return nil
}

// zigzag is the natural place of each coefficient in the order of the file (T.81, figure 5).
var zigzag = func() (order [64]uint8) {
	i := 0
	for sum := range 15 {
		for k := range sum + 1 {
			x, y := k, sum-k
			if sum%2 == 1 {
				x, y = y, x
			}
			if x < 8 && y < 8 {
				order[i] = uint8(8*y + x)
				i++
			}
		}
	}
	return order
}()
