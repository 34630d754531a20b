package parquet

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// Encodings of values, by their numbers; https://parquet.apache.org/docs/file-format/data-pages/encodings has each.
// All numbers are little-endian, and bits are packed from the lowest of each byte.
const (
	encPlain           = 0
	encPlainDictionary = 2
	encRuns            = 3
	encDelta           = 5
	encDeltaLength     = 6
	encDictionary      = 8
	encSplit           = 9
)

// entries are those of a dictionary.
type entries struct {
	ints   []int64
	floats []float64
	bytes  [][]byte
	size   int // bytes
}

// decoder decodes n values.
type decoder struct {
	kind   Type
	half   bool // Fixed is FLOAT16
	n      int
	ints   []int64
	floats []float64
	bytes  [][]byte
}

// decode reads the n values of data. A type and an encoding that do not belong together are an error.
func (d *decoder) decode(encoding int64, data []byte) (err error) {
	switch {
	case encoding == encPlain && d.kind == ByteArray:
		d.bytes, err = plainBytes(data, d.n)
	case encoding == encPlain && d.kind == Int64:
		d.ints, err = plainInts(data, d.n, 8)
	case encoding == encPlain && d.kind == Int32:
		d.ints, err = plainInts(data, d.n, 4)
	case d.width() > 0 && (encoding == encPlain || encoding == encSplit):
		d.floats, err = floats(data, d.n, d.width(), encoding == encSplit)
	case encoding == encPlain && d.kind == Boolean:
		d.ints, err = plainBools(data, d.n)
	case encoding == encRuns && d.kind == Boolean:
		d.ints, err = boolRuns(data, d.n)
	case encoding == encDelta && (d.kind == Int64 || d.kind == Int32):
		d.ints, _, err = deltas(data, d.n)
		for i, v := range d.ints {
			if d.kind == Int32 { // their sums wrap at 32 bits
				d.ints[i] = int64(int32(v))
			}
		}
	case encoding == encDeltaLength && d.kind == ByteArray:
		d.bytes, err = deltaLengths(data, d.n)
	default:
		return bad("values of type %v in encoding %d, which is not read here", d.kind, encoding)
	}
	return err
}

// plainBytes are a length of 4 bytes and as many bytes each. They are parts of data, not copies, with no room to grow.
func plainBytes(data []byte, n int) ([][]byte, error) {
	if n > len(data)/4 {
		return nil, bad("%d values in %d bytes", n, len(data))
	}
	values := make([][]byte, n)
	for i := range values {
		if len(data) < 4 || uint64(binary.LittleEndian.Uint32(data)) > uint64(len(data)-4) {
			return nil, bad("value %d of %d ends early", i, n)
		}
		end := 4 + int(binary.LittleEndian.Uint32(data))
		values[i] = data[4:end:end]
		data = data[end:]
	}
	return values, nil
}

// plainInts are numbers of size bytes, 4 or 8, with a sign.
func plainInts(data []byte, n, size int) ([]int64, error) {
	if n > len(data)/size {
		return nil, bad("%d values of %d bytes in %d bytes", n, size, len(data))
	}
	values := make([]int64, n)
	for i := range values {
		if size == 4 {
			values[i] = int64(int32(binary.LittleEndian.Uint32(data[4*i:])))
		} else {
			values[i] = int64(binary.LittleEndian.Uint64(data[8*i:]))
		}
	}
	return values, nil
}

// width is the size of a float, in bytes; 0 of other types.
func (d *decoder) width() int {
	switch {
	case d.kind == Float:
		return 4
	case d.kind == Double:
		return 8
	case d.kind == Fixed && d.half:
		return 2
	}
	return 0
}

// floats are numbers of 2, 4 or 8 bytes: one after the other, or, split, the first bytes of all, then the second ones …
func floats(data []byte, n, width int, split bool) ([]float64, error) {
	if n > len(data)/width {
		return nil, bad("%d values of %d bytes in %d bytes", n, width, len(data))
	}
	values := make([]float64, n)
	for i := range values {
		var bits uint64
		for k := range width {
			at := i*width + k
			if split {
				at = k*n + i
			}
			bits |= uint64(data[at]) << (8 * k)
		}
		switch width {
		case 2:
			values[i] = half(uint16(bits))
		case 4:
			values[i] = float64(math.Float32frombits(uint32(bits)))
		default:
			values[i] = math.Float64frombits(bits)
		}
	}
	return values, nil
}

// half is the value of an IEEE 754 binary16: 1 sign bit, 5 bits of exponent e, 10 of fraction f. It is
// (1 + f/2^10)·2^(e − 15), without the 1 and with e = 1 where e is 0; the largest e is ∞ or no number.
func half(bits uint16) float64 {
	e, f := int(bits>>10&31), float64(bits&1023)
	v := math.Ldexp(1024+f, e-25)
	switch {
	case e == 0:
		v = math.Ldexp(f, -24)
	case e == 31 && f == 0:
		v = math.Inf(1)
	case e == 31:
		v = math.NaN()
	}
	if bits>>15 > 0 {
		return -v
	}
	return v
}

// plainBools are bits, the lowest of a byte first.
func plainBools(data []byte, n int) ([]int64, error) {
	if n > 8*len(data) {
		return nil, bad("%d bits in %d bytes", n, len(data))
	}
	values := make([]int64, n)
	for i := range values {
		values[i] = int64(data[i/8] >> (i % 8) & 1)
	}
	return values, nil
}

// boolRuns are numbers of one bit behind their length.
func boolRuns(data []byte, n int) ([]int64, error) {
	if len(data) < 4 {
		return nil, bad("no length of the runs")
	}
	bits, err := hybrid(data[4:], 1, n)
	values := make([]int64, len(bits))
	for i, bit := range bits {
		values[i] = int64(bit)
	}
	return values, err
}

// lookUp takes the values from a dictionary by the indices in data: a byte with their width in bits, then the hybrid.
func (d *decoder) lookUp(e entries, data []byte) error {
	if len(data) == 0 {
		if d.n > 0 {
			return bad("no indices")
		}
		return nil
	}
	indices, err := hybrid(data[1:], uint(data[0]), d.n)
	if err != nil {
		return err
	}
	for _, index := range indices {
		switch {
		case int(index) < len(e.bytes):
			d.bytes = append(d.bytes, e.bytes[index])
		case int(index) < len(e.floats):
			d.floats = append(d.floats, e.floats[index])
		case int(index) < len(e.ints):
			d.ints = append(d.ints, e.ints[index])
		default:
			return bad("index %d into a dictionary of %d values", index,
				max(len(e.bytes), len(e.ints), len(e.floats)))
		}
	}
	return nil
}

// bitWidth is the number of bits that numbers up to most need.
func bitWidth(most int) uint { return uint(bits.Len(uint(most))) }

// hybrid reads n numbers of width bits (RLE / bit-packing hybrid). Each part begins with a number h of variable length:
//
//	h even   a run: one number, in whole bytes, h/2 times
//	h odd    (h − 1)/2 packs of eight numbers, width bits each
//
// Counts in h are not trusted: at most n numbers are made, whatever they say.
func hybrid(data []byte, width uint, n int) ([]uint32, error) {
	if width > 32 {
		return nil, bad("numbers of %d bits", width)
	}
	size := int(width+7) / 8 // bytes of a run's number
	values := make([]uint32, 0, n)
	for len(values) < n {
		head, read := binary.Uvarint(data)
		if read <= 0 {
			return nil, bad("%d numbers, want %d", len(values), n)
		}
		data = data[read:]
		count, left := head>>1, n-len(values)
		if head&1 == 0 { // a run
			if len(data) < size {
				return nil, bad("%d numbers, want %d", len(values), n)
			}
			var number [4]byte
			copy(number[:], data[:size])
			data = data[size:]
			for range min(count, uint64(left)) {
				values = append(values, binary.LittleEndian.Uint32(number[:]))
			}
			continue
		}
		if count > uint64(left+7)/8 { // the last pack may be full beyond n, but no pack is too much
			count = uint64(left+7) / 8
		}
		length := int(count) * int(width)
		if length > len(data) { // writers may leave out the end of the last pack
			length = len(data)
		}
		if want := (min(int(count)*8, left)*int(width) + 7) / 8; length < want {
			return nil, bad("%d numbers, want %d", len(values), n)
		}
		values = unpack(values, data[:length], width, min(int(count)*8, left))
		data = data[length:]
	}
	return values, nil
}

// unpack appends n numbers of width bits, the lowest bits first.
func unpack(values []uint32, data []byte, width uint, n int) []uint32 {
	var pending uint64
	var have uint
	for range n {
		for have < width {
			pending |= uint64(data[0]) << have
			data = data[1:]
			have += 8
		}
		values = append(values, uint32(pending&(1<<width-1)))
		pending >>= width
		have -= width
	}
	return values
}

// deltas reads n numbers in DELTA_BINARY_PACKED and returns what comes after them:
//
//	head    block size, parts of a block, number of values, first value
//	block   the least difference, a byte for each part with its width in bits, then the parts
//	part    block/parts differences less the least one, width bits each
//
// Sums wrap around at 64 bits, as writers make them.
func deltas(data []byte, n int) ([]int64, []byte, error) {
	t := &thrift{b: data} // has the same numbers of variable length
	block, packs, total, last := t.unsigned(), t.unsigned(), t.unsigned(), t.int()
	if t.err != nil {
		return nil, nil, bad("deltas: %w", t.err)
	}
	if total != uint64(n) {
		return nil, nil, bad("deltas of %d values, want %d", total, n)
	}
	if packs == 0 || block%128 != 0 || block == 0 || block > 1<<20 || block%packs != 0 || block/packs%32 != 0 {
		return nil, nil, bad("deltas in blocks of %d in %d parts", block, packs)
	}
	values := make([]int64, 0, n)
	if n > 0 {
		values = append(values, last)
	}
	each := int(block / packs)
	for len(values) < n {
		least := t.int()
		widths := t.take(packs)
		if t.err != nil {
			return nil, nil, bad("deltas: %w", t.err)
		}
		for _, width := range widths {
			count := min(each, n-len(values))
			if count == 0 { // parts behind the last value have a width but no bits
				break
			}
			packed := t.take(uint64(each) * uint64(width) / 8)
			if t.err != nil || width > 64 {
				return nil, nil, bad("deltas: %w", errShort)
			}
			for i := range count {
				last += least + int64(bitsAt(packed, i*int(width), uint(width)))
				values = append(values, last)
			}
		}
	}
	return values, t.b, nil
}

// bitsAt returns width bits of data, the lowest first.
func bitsAt(data []byte, at int, width uint) uint64 {
	var v uint64
	for i := uint(0); i < width; {
		shift := uint(at) % 8
		take := min(8-shift, width-i)
		v |= uint64(data[at/8]>>shift) & (1<<take - 1) << i
		at += int(take)
		i += take
	}
	return v
}

// deltaLengths are the lengths of all values, as deltas, then their bytes one after the other; parts of data.
func deltaLengths(data []byte, n int) ([][]byte, error) {
	lengths, data, err := deltas(data, n)
	if err != nil {
		return nil, err
	}
	values := make([][]byte, n)
	for i, length := range lengths {
		if length < 0 || length > int64(len(data)) {
			return nil, bad("value %d of %d has %d bytes, of which %d are there", i, n, length, len(data))
		}
		values[i] = data[:length:length]
		data = data[length:]
	}
	return values, nil
}
