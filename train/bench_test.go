package train

import (
	"context"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/dataset"
	"mgd3/diffusion"
	"mgd3/engine"
	"mgd3/internal/fixtures/testengine"
	"mgd3/rng"
)

// The loads of bench/train.sh: steps of the networks that docs/training.md trains on the glyphs, with all that comes
// with them: making the batch, clipping, AdamW, running means.

func BenchmarkAutoencoderStep(b *testing.B) { each(b, benchAutoencoder) }

func BenchmarkDiTStep(b *testing.B) { each(b, benchDiT) }

// each runs a load in each precision.
func each(b *testing.B, load func(*testing.B, engine.Precision)) {
	for _, p := range []engine.Precision{engine.Float32, engine.BF16} {
		b.Run(string(p), func(b *testing.B) { load(b, p) })
	}
}

func benchAutoencoder(b *testing.B, precision engine.Precision) {
	o := benchOptions(b, 16, precision)
	s := AutoencoderSettings{Channels: []int{32, 32, 64}, Layers: 1, Latent: 4, Groups: 8, Loss: L1, KL: 1e-4,
		Gradient: 0.5}
	o.Images.Size = 32
	p := &pictures{refs: make([]dataset.Ref, 256)}
	for i := range p.refs {
		im := &dataset.RGB{W: 32, H: 32, Pix: make([]byte, 3*32*32)}
		stream := rng.Stream(1, "image", uint64(i))
		for j := range im.Pix {
			im.Pix[j] = byte(stream.IntN(256))
		}
		p.kept = append(p.kept, im)
	}
	a := &autoencoding{o: o, settings: s, config: s.config(32), pictures: p}
	benchSteps(b, o, a.task(""))
}

func benchDiT(b *testing.B, precision engine.Precision) {
	o := benchOptions(b, 64, precision)
	chain, err := diffusion.NewChain(diffusion.DiT(timesteps), "")
	if err != nil {
		b.Fatal(err)
	}
	s := DiTSettings{Patch: 2, Hidden: 192, Depth: 6, Heads: 6, Dropout: 0.1}
	d := &denoising{o: o, settings: s, config: s.config([]int{4, 8, 8}, 10), chain: chain}
	x0 := make([]float32, 64*4*8*8)
	rng.Normals(rng.Stream(1, "x0"), x0)
	benchSteps(b, o, task{
		network: networkDiT, terms: []string{"noise", "variance"}, size: 256, loss: d.loss, fresh: likeDiT,
		batch: func(_ context.Context, n int, at []int) ([]*tensors.Tensor, error) {
			return d.noisy(rng.Stream(1, "dit", uint64(n)), x0, make([]int32, len(at))), nil
		},
	})
}

func benchOptions(b *testing.B, batch int, precision engine.Precision) *Options {
	e := testengine.Open(b)
	e.Precision = precision
	r := small()
	r.Batch = batch
	return &Options{Engine: e, Protocol: r, Out: b.TempDir()}
}

// benchSteps reports the rate of b.N steps. The first ones compile, and the last one writes the state.
func benchSteps(b *testing.B, o *Options, t task) {
	const before = 3
	o.Protocol.Steps = before + b.N + 1
	o.Protocol.LogEvery, o.CheckpointEvery = o.Protocol.Steps, o.Protocol.Steps
	o.Report = func(e Event) {
		switch e.Step {
		case before:
			b.ResetTimer()
		case before + b.N:
			b.StopTimer()
		}
	}
	if _, err := o.loop(b.Context(), t); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N*o.Protocol.Batch)/b.Elapsed().Seconds(), "images/s")
}
