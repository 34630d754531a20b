package dit

import (
	"math"
	"strings"
	"testing"
)

// TestNamed: the numbers of parameters are those of Peebles and Xie 2023, Table 4, in millions, without the fixed
// table of positions.
func TestNamed(t *testing.T) {
	e := openEngine(t)
	for _, c := range []struct {
		name string
		want float64
	}{
		{"DiT-S/8", 33}, {"DiT-S/4", 33}, {"DiT-S/2", 33},
		{"DiT-B/8", 131}, {"DiT-B/4", 130}, {"DiT-B/2", 130},
		{"DiT-L/8", 459}, {"DiT-L/4", 458}, {"DiT-L/2", 458},
		{"DiT-XL/8", 676}, {"DiT-XL/4", 675}, {"DiT-XL/2", 675},
	} {
		config, err := Named(c.name, 256)
		if err != nil {
			t.Fatal(err)
		}
		specs, err := e.Declare(config.Func, config.inputs()...)
		if err != nil {
			t.Fatal(err)
		}
		count := 0
		for _, spec := range specs {
			n := 1
			for _, d := range spec.Shape {
				n *= d
			}
			count += n
		}
		if math.Round(float64(count)/1e6) != c.want {
			t.Errorf("%s has %d parameters, want %v million", c.name, count, c.want)
		}
		// The original program prints 675,129,632 of its own, the table among them.
		if want := 675129632 - 256*1152; c.name == "DiT-XL/2" && count != want {
			t.Errorf("%s has %d parameters, want %d", c.name, count, want)
		}
	}
	config, err := Named("DiT-XL/2", 512)
	want := Config{InputSize: 64, Patch: 2, Channels: 4, Hidden: 1152, Depth: 28, Heads: 16, Classes: 1000,
		LearnSigma: true}
	if err != nil || config != want {
		t.Errorf("got %+v, %v, want %+v", config, err, want)
	}
	for _, c := range []struct {
		name   string
		pixels int
		says   string
	}{
		{"DiT-M/2", 256, "DiT-S, DiT-B"}, {"DiT-XL/3", 256, "/2, /4 or /8"}, {"DiT-XL/02", 256, "no model"},
		{"", 256, "no model"},
		{"DiT-XL/2", 250, "multiple of 8"}, {"DiT-XL/2", 0, "input_size"}, {"DiT-XL/2", -256, "input_size"},
		{"DiT-XL/8", 72, "patch_size"},
	} {
		if _, err := Named(c.name, c.pixels); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q at %d pixels: got %v, want an error with %q", c.name, c.pixels, err, c.says)
		}
	}
}
