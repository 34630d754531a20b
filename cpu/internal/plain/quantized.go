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
	weights := transposedWeights(a, in, n, depth)
	var bias []float32
	if a.HasBias {
		bias = in[len(in)-1].Flat.([]float32)
	}
	for m := range len(dst) / n {
		for j := range n {
			dst[m*n+j] = float32(inner[float64](x[m*depth:][:depth], weights[j*depth:][:depth]))
			if a.HasBias {
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
		rowSize := in[1].Dims()[1]
		for j := range n {
			ggmlRow(a.GGMLType, in[1].Flat.([]uint8)[j*rowSize:][:rowSize], w[j*depth:])
		}
		return w
	}
	values, scales := integersOf(in[1]), in[2].Flat.([]float32)
	blocks := in[2].Dims()[1]
	for k := range depth {
		for j := range n {
			value, block := values[k*n+j], k*blocks+j/a.BlockSize
			switch {
			case a.Scheme == compute.QuantNF4:
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
	for s := range 8 {
		var scale, least uint8
		if s < 4 {
			scale, least = packed[s]&63, packed[s+4]&63
		} else {
			scale = packed[s+4]&15 | packed[s-4]>>6<<4
			least = packed[s+4]>>4 | packed[s]>>6<<4
		}
		for i := range 32 {
			q := nibbles[s/2*32+i] >> (s % 2 * 4) & 15
			out[s*32+i] = d*float32(scale)*float32(q) - dmin*float32(least)
		}
	}
}

// decodeQ6K: 256 nibbles, 256 pairs of bits above them, 16 scales, a factor; numbers less 32.
func decodeQ6K(block []uint8, out []float32) {
	low, high, scales, d := block[:128], block[128:192], block[192:208], half(block[208:])
	for i := range 256 {
		part, at := i/128, i%128
		quarter, l := at/32, at%32
		q := low[part*64+quarter%2*32+l] >> (quarter / 2 * 4) & 15
		q |= high[part*32+l] >> (2 * quarter) & 3 << 4
		scale := int8(scales[part*8+quarter*2+l/16])
		out[i] = d * float32(scale) * float32(int(q)-32)
	}
}
