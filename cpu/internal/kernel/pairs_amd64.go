//go:build !purego

package kernel

// Tiles are those of AVX-512. No processor that has the instruction has run them: an emulator has (docs/cpu.md).
var pairsBF16 = Gemm{MR: 14, tall: true, run: runBF16}

func pairsKernel(l Level) *Gemm {
	if l == BF16 {
		return &pairsBF16
	}
	return &pairsPlain
}

// runBF16 makes a tile of the highest ones there are.
func runBF16(rows, cols, taps int, off *int, k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int,
	add bool, ahead *float32) {
	for {
		n := rows
		for tilesBF16[n] == nil {
			n--
		}
		tilesBF16[n](taps, off, k, a, lda, b, ldb, c, ldc, &lanes512[cols], add, ahead)
		if rows -= n; rows == 0 {
			return
		}
		a, c = at(a, n*lda), at(c, n*ldc)
	}
}

// By number of rows.
var tilesBF16 = [15]tileFunc{1: gemm1x32BF16, 2: gemm2x32BF16, 4: gemm4x32BF16, 7: gemm7x32BF16, 14: gemm14x32BF16}
