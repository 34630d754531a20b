package kernel

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// wild is a word of any two bfloat16: most of them near one another, so that sums cancel, or near the least numbers.
func wild(rng *rand.Rand) float32 {
	half := func() uint32 {
		switch rng.IntN(8) {
		case 0:
			return rng.Uint32() & 0xffff
		case 1:
			return uint32(rng.IntN(0x180)) | rng.Uint32()&0x8000
		case 2:
			return rng.Uint32()&0x80ff | 0x2000 // about 2⁻⁶³
		}
		return rng.Uint32()&0x80ff | 0x3f00
	}
	return math.Float32frombits(half() | half()<<16)
}

// wildSum is a number to begin a sum with.
func wildSum(rng *rand.Rand) float32 {
	switch rng.IntN(4) {
	case 0:
		return math.Float32frombits(rng.Uint32())
	case 1:
		return math.Float32frombits(rng.Uint32()&0x80ffffff | uint32(rng.IntN(2))<<23)
	}
	return float32(rng.NormFloat64())
}

func checkPairs(t *testing.T, rows, cols, taps, k int, add bool, seed uint64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	normals := func() float32 {
		half := func() float32 { return math.Float32frombits(math.Float32bits(float32(rng.NormFloat64())) &^ 0xffff) }
		word := []float32{0}
		ToPairs(word, []float32{half(), half()})
		return word[0]
	}
	name := fmt.Sprintf("%d×%d, %d taps of %d words, add %v", rows, cols, taps, k, add)
	for round, value := range []func() float32{normals, func() float32 { return wild(rng) }} {
		c := newTile(rng, rows, cols, taps, k, add, value)
		for i := range c.c {
			if c.c[i] = wildSum(rng); round == 0 {
				c.c[i] = float32(rng.NormFloat64())
			}
		}
		want := c.run(&pairsPlain)
		for i, x := range want {
			row, col := (i-guard)/c.ldc, (i-guard)%c.ldc
			if i < guard || row >= rows || col >= cols {
				if math.Float32bits(x) != math.Float32bits(c.c[i]) {
					t.Fatalf("%s: plain Go wrote %v beside C, at %d", name, x, i-guard)
				}
			} else if exact, tol := c.exactPair(row, col); round == 0 && math.Abs(float64(x)-exact) > tol {
				t.Fatalf("%s: C[%d, %d] is %v, want %v ± %.1e", name, row, col, x, exact, tol)
			}
		}
		for _, l := range Levels() {
			if l < BF16 {
				continue
			}
			for i, x := range c.run(pairsKernel(l)) {
				if w := want[i]; math.Float32bits(x) != math.Float32bits(w) && (x == x || w == w) {
					t.Fatalf("%v, %s, values %d: C[%d] is %v (%#x), want %v (%#x)", l, name, round, i-guard,
						x, math.Float32bits(x), w, math.Float32bits(w))
				}
			}
		}
	}
}

// exactPair is an element of C by float64 sums, and the bound of the error of a chain of 2·taps·k multiply-adds: as
// many half units in the last place of a partial sum, which is no larger than the sum of magnitudes.
func (t tileCase) exactPair(i, j int) (sum, tol float64) {
	if t.add {
		sum = float64(t.c[guard+i*t.ldc+j])
	}
	mag := math.Abs(sum)
	for s, off := range t.off {
		for p := range t.k {
			a, b := math.Float32bits(t.a[off+i*t.lda+p]), math.Float32bits(t.b[(s*t.k+p)*t.ldb+j])
			for _, shift := range []int{0, 16} {
				x := float64(math.Float32frombits(a>>shift<<16)) * float64(math.Float32frombits(b>>shift<<16))
				sum, mag = sum+x, mag+math.Abs(x)
			}
		}
	}
	return sum, float64(2*t.taps*t.k+1) * 0x1p-24 * mag
}

func TestPairsTiles(t *testing.T) {
	for rows := 1; rows <= 14; rows++ {
		for cols := 1; cols <= NR; cols++ {
			checkPairs(t, rows, cols, 1+cols%3, (rows+cols)%7, cols%2 == 0, uint64(rows*100+cols))
		}
	}
}

func FuzzPairsTile(f *testing.F) {
	f.Add(uint8(14), uint8(32), uint8(2), uint8(40), false, uint64(1))
	f.Add(uint8(1), uint8(1), uint8(1), uint8(0), true, uint64(2))
	f.Fuzz(func(t *testing.T, rows, cols, taps, k uint8, add bool, seed uint64) {
		checkPairs(t, 1+int(rows)%14, 1+int(cols)%NR, 1+int(taps)%12, int(k)%80, add, seed)
	})
}

// TestPair compares one instruction, in plain Go, with its definition in numbers of any length.
func TestPair(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	flush := func(x float64) *big.Float {
		if math.Abs(x) < 0x1p-126 {
			x = 0
		}
		return big.NewFloat(x)
	}
	flushed := 0
	for range 100000 {
		a, b, sum := math.Float32bits(wild(rng)), math.Float32bits(wild(rng)), wildSum(rng)
		got, want, finite := addPair(sum, a, b), float64(sum), true
		for _, shift := range []int{16, 0} {
			x, y := math.Float32frombits(a>>shift<<16), math.Float32frombits(b>>shift<<16)
			if finite = finite && x-x == 0 && y-y == 0 && want-want == 0; !finite {
				break
			}
			z := new(big.Float).SetPrec(1000).Mul(flush(float64(x)), flush(float64(y)))
			z.Add(z, flush(want))
			z.SetPrec(24).SetMode(big.ToNearestEven) // with any exponent
			if want, _ = z.Float64(); want != 0 && math.Abs(want) < 0x1p-126 {
				want, flushed = 0, flushed+1
			} else if math.Abs(want) >= 0x1p128 {
				want = math.Inf(int(want / math.Abs(want)))
			}
		}
		if finite && float64(got) != want {
			t.Fatalf("%#x, %#x to %v: %v, want %v", a, b, sum, got, want)
		}
	}
	if flushed < 500 {
		t.Errorf("%d sums were below the least number: too few to tell", flushed)
	}
	// With 24 digits this is the least number, but its digits as a number below 2⁻¹²⁶ round it up to that.
	if got := fmaNormal(-0x1p-100, 0x1.8p-51, 0x1p-126); got != 0 {
		t.Errorf("2⁻¹²⁶ − 1.5·2⁻¹⁵¹ is %v, want 0", got)
	}
}
