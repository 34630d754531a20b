// Command vec writes the element-wise and reduction kernels of package kernel for AVX2 and AVX-512. The plain
// version in ../../vec_*_generic.go is what they must equal, bit by bit.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/mmcloughlin/avo/build"
)

func main() {
	set := flag.NewFlagSet("vec", flag.ExitOnError)
	flags := build.NewFlags(set)
	set.Parse(os.Args[1:])
	c := build.NewContext()
	c.ConstraintExpr("!purego")
	var used []string
	for _, level := range []isa{{name: "AVX2", bytes: 32}, {name: "AVX512", bytes: 64}} {
		fresh := func() *isa {
			return &isa{Context: c, name: level.name, bytes: level.bytes, used: &used}
		}
		for _, e := range lights {
			e.light(fresh())
		}
		for _, e := range heavies {
			e.heavy(fresh())
		}
		for _, e := range periodics {
			e.checked(fresh(), withinSinMax)
		}
		for _, r := range reductions {
			r.write(fresh())
		}
		extremes(fresh(), "reduceMax", "negInfBits", func(a *isa) func(...op) { return a.VMAXPS })
		extremes(fresh(), "reduceMin", "infBits", func(a *isa) func(...op) { return a.VMINPS })
		expSubSum(fresh())
		for _, r := range columns {
			r.write(fresh())
		}
	}
	a := func() *isa { return &isa{Context: c, name: "AVX2", bytes: 32, used: &used} }
	for _, v := range conversions {
		v.write(a())
	}
	unary("roundBF16", (*isa).roundBF16).light(a())
	transpose8(a())
	writeRows(c, used)
	os.Exit(build.Main(flags.Config(), c))
}

func label(name string, i int) string { return fmt.Sprintf("%s%d", name, i) }
