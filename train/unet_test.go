package train

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/diffusion"
	"mgd3/engine"
	"mgd3/latent"
	"mgd3/rng"
	"mgd3/stage"
	"mgd3/text"
	"mgd3/unet"
	"mgd3/weights"
)

func smallUNet() UNetSettings {
	return UNetSettings{Widths: []int{8, 16}, Layers: 1, Heads: 2, Groups: 4, Context: 8, Dropout: 0.1, MinSNR: 5,
		Prompts: map[string]string{"a": "letter A", "b": "letter B"}, SampleCFG: 2, SampleSteps: 2}
}

// TestUNetLoss compares the loss with its definition, in float64, for the outputs of the network.
func TestUNetLoss(t *testing.T) {
	e := open(t)
	chain, err := diffusion.NewChain(diffusion.StableDiffusion(), "")
	if err != nil {
		t.Fatal(err)
	}
	s := smallUNet()
	net := unet.Conditioned{Config: s.config([]int{2, 4, 4}), Classes: 2, Tokens: 3}
	d := &drawing{o: &Options{Engine: e, Protocol: small()}, settings: s, net: net, chain: chain,
		rows: &latentRows{size: 32, all: []latentPlace{{0, 0}, {1, 0}, {1, 1}}}}
	labels, times := []int32{0, 2, 1}, []int{0, 400, 999}
	x0, eps := make([]float32, 96), make([]float32, 96)
	rng.Normals(rng.Stream(1, "x0"), x0)
	rng.Normals(rng.Stream(1, "eps"), eps)
	time, coef := []float32{}, []float32{}
	for _, step := range times {
		ab := chain.AlphaBar[step]
		time = append(time, float32(step))
		coef = append(coef, float32(math.Sqrt(ab)), float32(math.Sqrt(1-ab)), float32(min(1, s.MinSNR*(1-ab)/ab)))
	}
	in := []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(x0, 3, 2, 4, 4), tensors.FromFlatDataAndDimensions(eps, 3, 2, 4, 4),
		tensors.FromValue(time), tensors.FromValue(labels), tensors.FromFlatDataAndDimensions(coef, 3, 3),
	}
	loss := func(p engine.Params, in []*graph.Node) []*graph.Node {
		table := p.In(frozenScope).Get(unet.ContextTable, 3, 3, s.Context)
		x := graph.Add(graph.Mul(graph.Reshape(graph.SliceAxis(in[4], 1, graph.AxisElem(0)), -1, 1, 1, 1), in[0]),
			graph.Mul(graph.Reshape(graph.SliceAxis(in[4], 1, graph.AxisElem(1)), -1, 1, 1, 1), in[1]))
		out := net.Config.Forward(p, x, in[2], graph.Gather(table, graph.ExpandAxes(in[3], -1)), nil)
		return append(d.loss(p, in), out)
	}
	shapes := []*tensors.Tensor(in)
	specs, err := e.Declare(loss, shapes[0].Shape(), shapes[1].Shape(), shapes[2].Shape(), shapes[3].Shape(),
		shapes[4].Shape())
	if err != nil {
		t.Fatal(err)
	}
	w := engine.Weights{}
	for i, spec := range specs {
		data := make([]float32, size(spec.Shape))
		rng.Normals(rng.Stream(2, "weights", uint64(i)), data)
		for j := range data {
			data[j] *= 0.2
		}
		if w[spec.Name], err = e.Tensor(data, spec.Shape...); err != nil {
			t.Fatal(err)
		}
	}
	program, err := e.Compile("loss", loss, w)
	if err != nil {
		t.Fatal(err)
	}
	out, err := program.Run(in...)
	if err != nil {
		t.Fatal(err)
	}
	want, predicted := 0.0, flat(out[2])
	for i, v := range predicted {
		want += float64(coef[3*(i/32)+2]) * (float64(v) - float64(eps[i])) * (float64(v) - float64(eps[i])) / 96
	}
	// A sum of 96 squares.
	if got := float64(tensors.ToScalar[float32](out[0])); !(math.Abs(got-want) <= 100*0x1p-24*want) || want < 0.1 {
		t.Errorf("the loss is %v, want %v", got, want)
	}
}

// TestTrainUNet: a training writes the folders of a pipeline; the same call again does nothing; another is another's; a
// second one gives the same bytes; and the empty prompt is another condition than each class's.
func TestTrainUNet(t *testing.T) {
	o := options(t, images(t))
	ctx := context.Background()
	if err := TrainAutoencoder(ctx, o, smallAutoencoder(), ""); err != nil {
		t.Fatal(err)
	}
	a, err := latent.Open(ctx, o.Engine, o.modelDir(networkAutoencoder))
	if err != nil {
		t.Fatal(err)
	}
	s := smallUNet()
	s.Prompts = map[string]string{}
	for _, class := range o.Data.ClassNames() {
		s.Prompts[class] = "letter " + class
	}
	if err := TrainUNet(ctx, o, a, s); err != nil {
		t.Fatal(err)
	}
	m, err := unet.Open(ctx, o.Engine, o.modelDir(networkUNet))
	if err != nil {
		t.Fatal(err)
	}
	if m.ContextDim != s.Context || !slices.Equal(m.Widths, s.Widths) {
		t.Errorf("the network is %+v", m.Config)
	}
	tok, err := text.OpenTokenizer(weights.Disk, filepath.Join(o.Out, tokenizerFolder))
	if err != nil {
		t.Fatal(err)
	}
	encoder, err := text.Open(ctx, o.Engine, filepath.Join(o.Out, textFolder), text.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var ids [][]int32
	for _, prompt := range []string{"letter " + o.Data.ClassNames()[0], ""} {
		row, err := tok.IDs(prompt)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, row)
	}
	hidden, pooled, err := encoder.Encode(ctx, ids)
	if err != nil || len(hidden) != 2*text.Length*s.Context || len(pooled) != 2*s.Context ||
		slices.Equal(hidden[:len(hidden)/2], hidden[len(hidden)/2:]) {
		t.Errorf("%d hidden and %d pooled numbers, %v", len(hidden), len(pooled), err)
	}
	first := bytesOf(t, o.Out)
	if err := TrainUNet(ctx, o, a, s); err != nil {
		t.Errorf("the same training again: %v", err)
	}
	other := s
	other.Dropout = 0.5
	if err := TrainUNet(ctx, o, a, other); !errors.Is(err, stage.ErrOther) {
		t.Errorf("another training: %v, want ErrOther", err)
	}
	if err := os.RemoveAll(o.modelDir(networkUNet)); err != nil {
		t.Fatal(err)
	}
	if err := TrainUNet(ctx, o, a, s); err != nil {
		t.Fatal(err)
	}
	if second := bytesOf(t, o.Out); !slices.Equal(first, second) {
		t.Error("the second training gives other bytes")
	}
	delete(other.Prompts, o.Data.ClassNames()[0])
	if err := TrainUNet(ctx, o, a, other); err == nil {
		t.Error("a class without a prompt passes")
	}
}

// bytesOf returns the files of the denoiser and of its text encoder.
func bytesOf(t *testing.T, out string) (all []byte) {
	t.Helper()
	for _, name := range []string{"unet/diffusion_pytorch_model.safetensors", "unet/config.json", "unet/training.json",
		"text_encoder/model.safetensors", "tokenizer/vocab.json", "scheduler/scheduler_config.json"} {
		data, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
	return all
}
