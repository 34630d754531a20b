package plain

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes/float16"
	"github.com/pkg/errors"

	"mgd3/cpu/internal/ir"
)

// quantizedDense sets out to activation(x·W + bias), the weights being
//
//	Linear    value · scale + zero point     W[k, n] int8, uint8, int4 or uint4; scale and zero point [k, n / block]
//	NF4       table[value] · scale           (QLoRA, Dettmers et al. 2023)
//	GGML      rows of blocks, one for each output
func quantizedDense(a ir.Quantized, in []ir.Tensor, out ir.Tensor) {
	x, dst := in[0].Flat.([]float32), out.Flat.([]float32)
	n := out.Dims()[len(out.Dims())-1]
	depth := in[0].Dims()[len(in[0].Dims())-1]
	// All weights at once take n·depth·4 bytes; decoded for one output at a time they would need less.
	weights := transposedWeights(a, in, n, depth)
	var bias []float32
	if a.HasBias {
		bias = in[len(in)-1].Flat.([]float32)
	}
	for m := range len(dst) / n {
		for j := range n {
			dst[m*n+j] = float32(inner[float64](x[m*depth:][:depth], weights[j*depth:][:depth]))
			if a.HasBias {
				// rounded before, as dense has it
				dst[m*n+j] += bias[j]
			}
		}
	}
	of[float32]{}.activate(a.Activation, out)
}

// transposedWeights returns the weights [n, depth] of the inputs x, weights, scale, zero point.
func transposedWeights(a ir.Quantized, in []ir.Tensor, n, depth int) []float32 {
	w := make([]float32, n*depth)
	if a.Scheme == compute.QuantGGML {
		// in bytes; a row is all inputs of one output
		rowSize := in[1].Dims()[1]
		for j := range n {
			ggmlRow(a.GGMLType, in[1].Flat.([]uint8)[j*rowSize:][:rowSize], w[j*depth:])
		}
		return w
	}
	// a block is BlockSize columns of one row k of W
	values, scales := integersOf(in[1]), in[2].Flat.([]float32)
	blocks := in[2].Dims()[1]
	for k := range depth {
		for j := range n {
			value, block := values[k*n+j], k*blocks+j/a.BlockSize
			switch {
			case a.Scheme == compute.QuantNF4:
				// int4 is sign-extended when it is unpacked; the table is indexed by its bits
				w[j*depth+k] = compute.NF4LookupTable[value&15] * scales[block]
			case a.HasZeroPoint:
				w[j*depth+k] = float32(value)*scales[block] + in[3].Flat.([]float32)[block]
			default:
				w[j*depth+k] = float32(value) * scales[block]
			}
		}
	}
	return w
}

// embeddingLookup sets each row of out to the row of data that its index names.
func embeddingLookup(a ir.Quantized, data, indices, out ir.Tensor) error {
	rows, rowSize := data.Dims()[0], data.Dims()[1]
	width := out.Dims()[len(out.Dims())-1]
	for i, row := range integersOf(indices) {
		if row < 0 || row >= rows {
			// An error, and not the clamp of XLA's gather: a wrong token is a mistake of the caller.
			return errors.Errorf("QuantizedEmbeddingLookup: index %d is not in [0, %d)", row, rows)
		}
		ggmlRow(a.GGMLType, data.Flat.([]uint8)[row*rowSize:][:rowSize], out.Flat.([]float32)[i*width:])
	}
	return nil
}

// ggmlRow decodes a row of blocks of the formats of ggml (github.com/ggml-org/ggml, ggml-common.h), whose
// numbers are half floats and little-endian.
func ggmlRow(t compute.GGMLQuantType, row []uint8, out []float32) {
	decode := map[compute.GGMLQuantType]func(block []uint8, out []float32){compute.GGMLQ4_0: decodeQ4x0,
		compute.GGMLQ8_0:  decodeQ8x0,
		compute.GGMLIQ4NL: decodeIQ4NL, compute.GGMLQ4_K: decodeQ4K, compute.GGMLQ6_K: decodeQ6K}[t]
	for size := t.BytesPerBlock(); len(row) > 0; row = row[size:] {
		decode(row[:size], out)
		out = out[t.ValuesPerBlock():]
	}
}

// half is a number in half precision at the beginning of b, little-endian.
func half(b []uint8) float32 { return float16.FromBits(uint16(b[0]) | uint16(b[1])<<8).Float32() }

// decodeQ8x0: a factor and 32 bytes.
func decodeQ8x0(block []uint8, out []float32) {
	for i, q := range block[2:] {
		out[i] = half(block) * float32(int8(q))
	}
}

// decodeQ4x0: a factor and 32 nibbles less 8, the lower ones first.
func decodeQ4x0(block []uint8, out []float32) {
	for i, q := range block[2:] {
		out[i] = half(block) * float32(int(q&15)-8)
		out[16+i] = half(block) * float32(int(q>>4)-8)
	}
}

// decodeIQ4NL: a factor and 32 nibbles that index a table.
func decodeIQ4NL(block []uint8, out []float32) {
	for i, q := range block[2:] {
		out[i] = half(block) * compute.IQ4NLLookupTable[q&15]
		out[16+i] = half(block) * compute.IQ4NLLookupTable[q>>4]
	}
}

// decodeQ4K: factors for scales and for minima, eight of each in 6 bits, and 8 times 32 nibbles.
func decodeQ4K(block []uint8, out []float32) {
	d, dmin, packed, nibbles := half(block), half(block[2:]), block[4:16], block[16:]
	// y = d·scale·q − dmin·least in each of 8 groups s. The first four 6-bit numbers are the low bits of bytes 0 to 3
	// (scales) and 4 to 7 (minima); the other four have their low nibbles in bytes 8 to 11, and their two high bits
	// above those of the first four.
	for s := range 8 {
		var scale, least uint8
		if s < 4 {
			scale, least = packed[s]&63, packed[s+4]&63
		} else {
			scale = packed[s+4]&15 | packed[s-4]>>6<<4
			least = packed[s+4]>>4 | packed[s]>>6<<4
		}
		for i := range 32 {
			// two groups share 32 bytes: the even one the lower nibbles
			q := nibbles[s/2*32+i] >> (s % 2 * 4) & 15
			out[s*32+i] = d*float32(scale)*float32(q) - dmin*float32(least)
		}
	}
}

// decodeQ6K: 256 nibbles, 256 pairs of bits above them, 16 scales, a factor; numbers less 32.
func decodeQ6K(block []uint8, out []float32) {
	low, high, scales, d := block[:128], block[128:192], block[192:208], half(block[208:])
	for i := range 256 {
		// Each half of 128 numbers is four quarters of 32. Quarters 0 and 1 are the lower nibbles of 64 bytes, 2 and 3
		// the upper ones; all four share the 32 bytes of high bits, two bits each.
		part, at := i/128, i%128
		quarter, l := at/32, at%32
		q := low[part*64+quarter%2*32+l] >> (quarter / 2 * 4) & 15
		q |= high[part*32+l] >> (2 * quarter) & 3 << 4
		scale := int8(scales[part*8+quarter*2+l/16])
		out[i] = d * float32(scale) * float32(int(q)-32)
	}
}
