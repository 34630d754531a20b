package latent

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/internal/fixtures/golden"
	"mgd3/internal/fixtures/pytorch"
	"mgd3/weights"
)

// TestVQGolden compares the autoencoder with a codebook with diffusers' VQModel, tensor by tensor.
func TestVQGolden(t *testing.T) {
	e := openEngine(t)
	for _, c := range golden.Some(t, "vq") {
		t.Run(c.Name, func(t *testing.T) {
			data, err := os.ReadFile(c.Path("config.json"))
			if err != nil {
				t.Fatal(err)
			}
			config, err := parseVQ(data)
			if err != nil {
				t.Fatal(err)
			}
			set, err := weights.Autoencoder(c.Open(t, "weights.safetensors"))
			if err != nil {
				t.Fatal(err)
			}
			in := func(name string) *tensors.Tensor {
				return tensors.FromFlatDataAndDimensions(c.Float32s(t, ioFile, name),
					c.Tensor(t, ioFile, name).Shape...)
			}
			var names []string
			out := run(t, e, set, func(p engine.Params, x []*Node) []*Node {
				names = []string{"encoded", "decoded"}
				encoded := DivScalar(config.encode(p, x[0]), config.ScalingFactor)
				nodes := []*Node{encoded, nil}
				nodes[1] = config.decodeSeen(p, MulScalar(x[1], config.ScalingFactor), func(name string, x *Node) {
					names, nodes = append(names, name), append(nodes, channelsFirst(x))
				})
				return nodes
			}, in("image"), in("latent"))
			report := c.Report(t)
			for i, name := range names {
				tolerance := "mid_max_abs"
				if i < 2 {
					tolerance = name + "_max_abs"
				}
				for _, have := range c.Open(t, ioFile).Names() {
					if have == name {
						report.Compare(name, out[i], c.Float32s(t, ioFile, name), c.Tolerance(t, tolerance))
					}
				}
			}
			checkOpen(t, e, c, config)
		})
	}
}

// checkOpen opens the case as users do.
func checkOpen(t *testing.T, e *engine.Engine, c golden.Case, config vq) {
	t.Helper()
	a, err := Open(t.Context(), e, c.Dir+"/weights.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if a.HasPosterior() || a.Layout != config.layout() {
		t.Errorf("got %+v, posterior %v, want %+v and none", a.Layout, a.HasPosterior(), config.layout())
	}
	if err := a.EncodeSample(nil, nil, nil, 8); !errors.Is(err, ErrNoPosterior) {
		t.Errorf("got error %v, want %v", err, ErrNoPosterior)
	}
}

// TestInferVQ: shapes tell of a published one what its config.json would.
func TestInferVQ(t *testing.T) {
	e := openEngine(t)
	want, err := parseVQ([]byte(vqJSON))
	if err != nil {
		t.Fatal(err)
	}
	want.BlockOutChannels, want.ScalingFactor, want.codes, want.SampleSize = []int{32, 64}, 1, 20, 0
	specs, err := e.Declare(func(p engine.Params, in []*Node) []*Node {
		return []*Node{want.decode(p, want.encode(p, in[0]))}
	}, shapes.Make(DType, 1, imageChannels, 4, 4))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "vq.safetensors")
	if err := pytorch.Write(path, pytorch.Random(specs, 1, 0.1)); err != nil {
		t.Fatal(err)
	}
	a, err := Open(t.Context(), e, path)
	if err != nil || a.Layout != (Layout{3, 2}) || a.HasPosterior() {
		t.Fatalf("got %+v, error %v", a, err)
	}
	file, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if got, err := inferVQ(weights.AsIs(file)); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, error %v, want %+v", got, err, want)
	}
}

const vqJSON = `{"_class_name": "VQModel", "block_out_channels": [128, 256, 512],
	"down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"], "layers_per_block": 2,
	"latent_channels": 3, "num_vq_embeddings": 8192, "vq_embed_dim": 3, "norm_type": "group",
	"up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"]}`

func TestParseVQ(t *testing.T) {
	c, err := parseVQ([]byte(vqJSON))
	if err != nil || c.codes != 8192 || c.embed != 3 || c.ScalingFactor != defaultScaling ||
		c.layout() != (Layout{3, 4}) {
		t.Errorf("got %+v, error %v", c, err)
	}
	for _, f := range []struct{ from, to, want string }{
		{`"VQModel"`, `"AutoencoderKL"`, "_class_name"},
		{`8192`, `0`, "num_vq_embeddings is 0"},
		{`8192`, `99999999`, "num_vq_embeddings is 99999999"},
		{`"vq_embed_dim": 3`, `"vq_embed_dim": -1`, "vq_embed_dim is -1"},
		{`"group"`, `"spatial"`, `norm_type is "spatial"`},
		{`"layers_per_block": 2`, `"use_quant_conv": false`, "use_quant_conv"},
		{`"latent_channels": 3`, `"latent_channels": 0`, "latent_channels is 0"},
	} {
		if _, err := parseVQ([]byte(strings.Replace(vqJSON, f.from, f.to, 1))); err == nil ||
			!strings.Contains(err.Error(), f.want) {
			t.Errorf("%s: got error %v, want one with %q", f.to, err, f.want)
		}
	}
}
