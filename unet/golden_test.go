package unet

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/internal/fixtures/golden"
	"mgd3/internal/fixtures/testengine"
	"mgd3/weights"
)

const ioFile = "io.safetensors"

// TestGolden compares the network with diffusers, tensor by tensor.
func TestGolden(t *testing.T) {
	e := testengine.Open(t)
	for _, c := range golden.Some(t, "unet") {
		t.Run(c.Name, func(t *testing.T) {
			text, err := os.ReadFile(c.Path("config.json"))
			if err != nil {
				t.Fatal(err)
			}
			config, notes, err := ParseConfig(text)
			if err != nil || len(notes) > 0 {
				t.Fatalf("got notes %q, error %v, want none", notes, err)
			}
			file := c.Open(t, "weights.safetensors")
			m, err := Load(t.Context(), e, config, file, weights.AsIs(file))
			if err != nil {
				t.Fatal(err)
			}
			in := []*tensors.Tensor{tensorOf(t, c, "x"), tensorOf(t, c, "t"), tensorOf(t, c, "context")}
			if config.AddedLen() > 0 {
				in = append(in, tensorOf(t, c, "added"))
			}
			got, report := run(t, e, m, in...), c.Report(t)
			report.Compare("out", got["out"], c.Float32s(t, ioFile, "out"), c.Tolerance(t, "out_max_abs"))
			for _, name := range c.Open(t, ioFile).Names() {
				if inside, ok := strings.CutPrefix(name, "mid/"); ok {
					want := c.Float32s(t, ioFile, name) // of the first row
					report.Compare(name, got[inside][:min(len(want), len(got[inside]))], want,
						c.Tolerance(t, "mid_max_abs"))
				}
			}
		})
	}
	for _, c := range golden.Others(t, "sd_text") {
		t.Run(c.Name, func(t *testing.T) { severalTimes(t, e, c) })
	}
}

// severalTimes compares the network with diffusers: the output at several times, and what is inside at one.
func severalTimes(t *testing.T, e *engine.Engine, c golden.Case) {
	var head struct {
		UNet json.RawMessage `json:"unet"`
	}
	c.Decode(t, &head)
	config, notes, err := ParseConfig(head.UNet)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(notes)
	file := c.Open(t, "unet_weights.safetensors")
	m, err := Load(t.Context(), e, config, file, weights.AsIs(file))
	if err != nil {
		t.Fatal(err)
	}
	report, tol := c.Report(t), c.Tolerance(t, "unet_max_abs")
	for _, name := range c.Open(t, ioFile).Names() {
		at, ok := strings.CutPrefix(name, "unet/out_t")
		if !ok {
			continue
		}
		var time float32
		if _, err := fmt.Sscan(at, &time); err != nil {
			t.Fatal(err)
		}
		x := tensorOf(t, c, "unet/x")
		times := slices.Repeat([]float32{time}, x.Shape().Dim(0))
		got := run(t, e, m, x, tensors.FromValue(times), tensorOf(t, c, "unet/context"))
		report.Compare(name, got["out"], c.Float32s(t, ioFile, name), tol)
		for inside, have := range got {
			want := "unet/" + inside
			if strings.HasPrefix(inside, "time") {
				want += "_t" + at
			}
			if slices.Contains(c.Open(t, ioFile).Names(), want) { // the first row's
				values := c.Float32s(t, ioFile, want)
				report.Compare(want, have[:len(values)], values, tol)
			}
		}
	}
}

// run returns the output as "out", and the values inside by their names, images channels first.
func run(t *testing.T, e *engine.Engine, m *Model, in ...*tensors.Tensor) map[string][]float32 {
	t.Helper()
	var names []string
	program, err := e.Compile("unet, opened", func(p engine.Params, in []*Node) (out []*Node) {
		names = []string{"out"}
		inside := []*Node{nil}
		see := func(name string, x *Node) {
			x = engine.Wide(x)
			if x.Rank() == 4 {
				x = TransposeAllDims(x, 0, 3, 1, 2)
			}
			names, inside = append(names, name), append(inside, x)
		}
		var added *Node
		if len(in) > 3 {
			added = in[3]
		}
		inside[0] = m.forward(p, in[0], in[1], in[2], added, see)
		return inside
	}, m.Weights)
	if err != nil {
		t.Fatal(err)
	}
	out, err := program.Run(in...)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]float32{}
	for i, name := range names {
		got[name] = tensors.MustCopyFlatData[float32](out[i])
	}
	return got
}

// tensorOf reads a tensor of a case.
func tensorOf(t *testing.T, c golden.Case, name string) *tensors.Tensor {
	t.Helper()
	return tensors.FromFlatDataAndDimensions(c.Float32s(t, ioFile, name), c.Tensor(t, ioFile, name).Shape...)
}
