package kernel

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

// kernels returns the functions of a table by name.
func kernels(t vecTable) map[string]any {
	m := map[string]any{}
	v := reflect.ValueOf(&t).Elem()
	for i := range v.NumField() {
		f := v.Field(i)
		m[v.Type().Field(i).Name] = reflect.NewAt(f.Type(), f.Addr().UnsafePointer()).Elem().Interface()
	}
	return m
}

var specials = []float32{
	0, float32(math.Copysign(0, -1)), 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 88.7, -87.4, -103.97, 16777217, -16777216,
	0x1p-126, -0x1p-126, 0x1p-149, -0x1p-149, 0x1.fffffep-127, math.MaxFloat32, -math.MaxFloat32, 65536, 65537, 1e10,
	float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), 255, 256, 65504, 65520, 0x1p31, -0x1p31, 0x1p-24,
	0x1p-25,
}

// source makes test numbers; kind 0: any bits, 1: normals, 2: specials and few NaNs, 3: zeros and ones.
type source struct {
	*rand.Rand
	kind int
}

func (s source) next() float32 {
	switch s.kind {
	case 0:
		return math.Float32frombits(s.Uint32())
	case 1:
		return float32(s.NormFloat64() * 3)
	case 2:
		return specials[s.IntN(len(specials))]
	}
	return float32(s.IntN(2))
}

// slice returns n numbers at some offset of a larger slice.
func (s source) slice(n int) []float32 {
	x := make([]float32, n+s.IntN(20))
	x = x[len(x)-n:]
	for i := range x {
		x[i] = s.next()
	}
	return x
}

const vecGuard = 0x7fa5a5a5

// guarded returns a copy of x between guards, and a check of these.
func guarded[T any](x []T, mark T, same func(x, y T) bool) ([]T, func() bool) {
	const margin = 40
	all := slices.Concat(slices.Repeat([]T{mark}, margin), x, slices.Repeat([]T{mark}, margin))
	return all[margin : margin+len(x) : margin+len(x)], func() bool {
		for i, v := range all {
			if (i < margin || i >= margin+len(x)) && !same(v, mark) {
				return false
			}
		}
		return true
	}
}

func sameBits(x, y float32) bool {
	return math.Float32bits(x) == math.Float32bits(y) || x != x && y != y
}

// apply runs a kernel on n elements made from s and returns what it wrote and returned; alias says that dst is x.
func apply(t *testing.T, kernel any, s source, n int, alias bool) (out []float32) {
	dst, intact := guarded(s.slice(n), math.Float32frombits(vecGuard), func(x, y float32) bool {
		return math.Float32bits(x) == math.Float32bits(y)
	})
	x, y, z, a, b := s.slice(n), s.slice(n), s.slice(n), s.next(), s.next()
	if alias {
		x = dst
	}
	rows, stride := s.IntN(6), n+s.IntN(5)
	result := float32(0)
	switch f := kernel.(type) {
	case func(dst, x, y []float32):
		f(dst, x, y)
	case func(dst, x []float32, s float32):
		f(dst, x, a)
	case func(dst, x, y, z []float32):
		f(dst, x, y, z)
	case func(dst, x []float32, s float32, z []float32):
		f(dst, x, a, z)
	case func(dst, x []float32, a, b float32):
		f(dst, x, a, b)
	case func(dst, x []float32):
		f(dst, x)
	case func(dst []float32, s float32):
		f(dst, a)
	case func(x []float32) float32:
		result = f(x)
	case func(x, y []float32) float32:
		result = f(x, y)
	case func(x []float32, mean float32) float32:
		result = f(x, a)
	case func(dst, x []float32, m float32) float32:
		result = f(dst, x, a)
	case func(acc, x []float32, rows, stride int):
		f(dst, s.slice(rows*stride+n), rows, stride)
	case func(acc, x, mean []float32, rows, stride int):
		f(dst, s.slice(rows*stride+n), y, rows, stride)
	default: // conversions and transposes have tests of their own
	}
	if !intact() {
		t.Error("wrote beside dst")
	}
	return append(dst, result)
}

// FuzzVec demands the bytes of the plain version from every kernel of every level. So a result does not depend
// on the place of an element either: whole vectors and the parts at the end have the same plain version.
func FuzzVec(f *testing.F) {
	for i := range 140 { // all tails, after no, one and several passes
		f.Add(uint64(i), uint16(i%70+i/70*200))
	}
	f.Fuzz(func(t *testing.T, seed uint64, n uint16) {
		plain := kernels(vecGeneric)
		for _, l := range Levels()[1:] {
			for name, kernel := range kernels(vecTables(l)) {
				for i := range uint64(6) { // three kinds of numbers, with and without an alias
					checkLevel(t, fmt.Sprint(l, " ", name), wrapped(kernel, plain[name]), wrapped(plain[name], nil),
						6*seed+i, int(n%4096))
				}
			}
		}
	})
}

// wrapped makes a whole kernel of one that may stop early.
func wrapped(kernel, plain any) any {
	f, ok := kernel.(func(dst, x []float32) int)
	if !ok {
		return kernel
	}
	p, _ := plain.(func(dst, x []float32) int)
	return func(dst, x []float32) { periodic(f, p, dst, x) }
}

func checkLevel(t *testing.T, name string, kernel, plain any, seed uint64, n int) {
	t.Helper()
	kind := int(seed % 3)
	if slices.Contains([]string{"and", "or", "xor", "not"}, name[strings.LastIndex(name, " ")+1:]) {
		kind = 3
	}
	alias := seed/3%2 == 1
	got := apply(t, kernel, source{rand.New(rand.NewPCG(seed, 1)), kind}, n, alias)
	want := apply(t, plain, source{rand.New(rand.NewPCG(seed, 1)), kind}, n, alias)
	for i := range got {
		if !sameBits(got[i], want[i]) {
			t.Fatalf("%s, seed %d, n=%d, alias %v, element %d: got %v (%#x), plain %v (%#x)", name, seed, n, alias, i,
				got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}

// aligned returns a copy of x that starts a cache line.
func aligned(x []float32) []float32 {
	y := make([]float32, len(x)+16)
	off := int(-uintptr(unsafe.Pointer(&y[0]))%64) / 4
	copy(y[off:], x)
	return y[off:][:len(x)]
}

// BenchmarkVec gives the time per element of each kernel on 1024 elements in the first cache.
func BenchmarkVec(b *testing.B) {
	const n, rows = 1024, 8
	s := source{rand.New(rand.NewPCG(1, 2)), 1}
	all := aligned(s.slice((rows + 3) * n))
	x, y, z, dst := all[:rows*n], all[rows*n:][:n], all[(rows+1)*n:][:n], all[(rows+2)*n:]
	for i := range n {
		x[i] = abs32(x[i])
	}
	for _, l := range Levels() {
		t := kernels(vecTables(l))
		for _, name := range slices.Sorted(maps.Keys(t)) {
			var run func()
			elems := n
			switch f := t[name].(type) {
			case func(dst, x, y []float32):
				run = func() { f(dst, x, y) }
			case func(dst, x []float32, s float32):
				run = func() { f(dst, x, 0.9) }
			case func(dst, x, y, z []float32):
				run = func() { f(dst, x, y, z) }
			case func(dst, x []float32, s float32, z []float32):
				run = func() { f(dst, x, 0.9, z) }
			case func(dst, x []float32, a, b float32):
				run = func() { f(dst, x, 0.9, 0.1) }
			case func(dst, x []float32):
				run = func() { f(dst, x) }
			case func(dst, x []float32) int:
				run = func() { f(dst, x) }
			case func(dst []float32, s float32):
				run = func() { f(dst, 0.9) }
			case func(x []float32) float32:
				run = func() { f(y) }
			case func(x, y []float32) float32:
				run = func() { f(y, z) }
			case func(x []float32, mean float32) float32:
				run = func() { f(y, 0.9) }
			case func(dst, x []float32, m float32) float32:
				run = func() { f(dst, x, 3) }
			case func(acc, x []float32, rows, stride int):
				run, elems = func() { f(dst, x, rows, n) }, n*rows
			case func(acc, x, mean []float32, rows, stride int):
				run, elems = func() { f(dst, x, y, rows, n) }, n*rows
			default:
				continue
			}
			b.Run(l.String()+"/"+name, func(b *testing.B) {
				for b.Loop() {
					run()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(elems), "ns/elem")
			})
		}
	}
}
