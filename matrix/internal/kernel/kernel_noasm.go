//go:build !amd64 || purego

package kernel

type level struct{}

func (level) String() string { return "plain" }

var levels = []level{{}}
var use level

func dots(sums *[2][4]lanes, x *[2][]float32, c *[4][]float32, n int) { dotsGeneric(sums, x, c, n) }

func sqDist(sums *lanes, a, b *float32, n int) { sqDistGeneric(sums, a, b, n) }

func add(sums *float64, x *float32, n int) { addGeneric(sums, x, n) }
