package matrix

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
)

// Distinct returns, for each row, the first row that has the same numbers, and how many different ones there are.
// Rows are compared by their SHA-256.
func Distinct(m Matrix) (first []int, n int) {
	first = make([]int, m.Rows)
	seen := make(map[[sha256.Size]byte]int, m.Rows)
	buf := make([]byte, 0, 4*m.Cols)
	for i := range first {
		buf = buf[:0]
		for _, v := range m.Row(i) {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
		sum := sha256.Sum256(buf)
		at, ok := seen[sum]
		if !ok {
			seen[sum], at = i, i
		}
		first[i] = at
	}
	return first, len(seen)
}
