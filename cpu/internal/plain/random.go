package plain

import (
	"encoding/binary"
	"math/bits"

	"mgd3/cpu/internal/ir"
)

// randomBits fills out with the blocks of Philox4x32-10 (Salmon et al. 2011), which depend on the
// key and the number of the block alone. The state is the key and the number of the next block, in two
// words, low one first; next is the state after the blocks of out.
func randomBits(state, next, out ir.Tensor) {
	s := state.Flat.([]uint64)
	key, low, high := s[0], s[1], s[2]
	flat := bytesOf(out.Flat)
	for len(flat) > 0 {
		var block [16]byte
		for i, word := range philox(key, low, high) {
			binary.LittleEndian.PutUint32(block[4*i:], word)
		}
		// what is over of the last block is thrown away: the next call starts with a block of its own
		flat = flat[copy(flat, block[:]):]
		// the number of the block has 128 bits
		if low++; low == 0 {
			high++
		}
	}
	// a bool is 0 or 1 in memory, and nothing else
	if _, isBool := out.Flat.([]bool); isBool {
		for i, b := range bytesOf(out.Flat) {
			bytesOf(out.Flat)[i] = b & 1
		}
	}
	copy(next.Flat.([]uint64), []uint64{key, low, high})
}

// philox is one block: ten rounds on the block's number.
func philox(key, low, high uint64) [4]uint32 {
	c := [4]uint32{uint32(low), uint32(low >> 32), uint32(high), uint32(high >> 32)}
	k0, k1 := uint32(key), uint32(key>>32)
	for range 10 {
		// The multipliers, and the steps of the key below (the golden ratio and √3 − 1 as fractions of 2³²), are those
		// of the paper.
		hi0, lo0 := bits.Mul32(0xD2511F53, c[0])
		hi1, lo1 := bits.Mul32(0xCD9E8D57, c[2])
		c = [4]uint32{hi1 ^ c[1] ^ k0, lo1, hi0 ^ c[3] ^ k1, lo0}
		k0 += 0x9E3779B9
		k1 += 0xBB67AE85
	}
	return c
}
