package kernel

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// TestFMA32 compares with big numbers, near ties above all: x·y + z with z a tie of x·y, or nearly.
func TestFMA32(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 200000 {
		x, y := math.Float32frombits(rng.Uint32()), math.Float32frombits(rng.Uint32())
		z := math.Float32frombits(rng.Uint32())
		if i%2 == 0 {
			x, y = float32(rng.IntN(1<<12)+1), float32(rng.IntN(1<<12)+1)
			z = float32(math.Ldexp(float64(rng.IntN(1<<24)*2-1<<24), rng.IntN(40)-8))
			scale := float32(math.Ldexp(1, -rng.IntN(130)))
			x, z = x*scale, z*scale
		}
		if x-x != 0 || y-y != 0 || z-z != 0 {
			continue
		}
		exact := new(big.Float).SetPrec(700)
		exact.Mul(exact.SetFloat64(float64(x)), big.NewFloat(float64(y)))
		exact.Add(exact, big.NewFloat(float64(z)))
		if want, _ := exact.Float32(); fma32(x, y, z) != want {
			t.Fatalf("%v·%v + %v = %v, want %v", x, y, z, fma32(x, y, z), want)
		}
	}
}
