package model

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/diffusion"
	"mgd3/distill"
	"mgd3/internal/fixtures/testengine"
	"mgd3/latent"
	"mgd3/rng"
	"mgd3/text"
	"mgd3/unet"
	"mgd3/weights"
)

// TestForms: a pipeline's folder and the checkpoint in one file of the same weights draw the same bits. The checkpoint
// has the first programs' names, of which TestUNetNames has all; its vocabulary is that of the program.
func TestForms(t *testing.T) {
	dir := t.TempDir()
	folder, checkpoint := filepath.Join(dir, "folder"), filepath.Join(dir, "one", "model.safetensors")
	writeForms(t, folder, checkpoint)
	var want [][]float32
	for _, path := range []string{folder, checkpoint} {
		got := drawForm(t, path)
		if want == nil {
			want = got
			continue
		}
		for i, name := range []string{"step with the first class", "step with the second class", "latent", "image"} {
			if !slices.Equal(got[i], want[i]) {
				t.Errorf("%s: the %s differs from that of the folder", path, name)
			}
		}
	}
	if slices.Equal(want[0], want[1]) {
		t.Error("two classes are drawn alike")
	}
}

// drawForm takes a step with each of two classes, and encodes and decodes an image.
func drawForm(t *testing.T, path string) [][]float32 {
	t.Helper()
	e := testengine.Open(t)
	n := Networks{Model: Disk(path)}
	opened, errD := n.OpenDenoiser(t.Context(), e)
	vae, errV := n.OpenAutoencoder(t.Context(), e)
	if err := errors.Join(errD, errV); err != nil {
		t.Fatal(err)
	}
	t.Log(opened.Notes)
	if _, err := opened.Denoiser.(distill.Prompted).Prompt(t.Context(), []string{"tench", "golden retriever"},
		16); err != nil {
		t.Fatal(err)
	}
	s, err := diffusion.Published(diffusion.DDPMSD)
	if err != nil {
		t.Fatal(err)
	}
	s.Schedule, s.Respacing = opened.Noise(), opened.Steps.Respacing(4)
	sampler, err := diffusion.New(s)
	if err != nil {
		t.Fatal(err)
	}
	step, err := e.Compile("step", opened.Step(sampler), opened.Tensors())
	if err != nil {
		t.Fatal(err)
	}
	noise := make([]float32, 4*8*8)
	rng.Normals(rng.Stream(1, "forms"), noise)
	var all [][]float32
	for label := range 2 {
		x := func() *tensors.Tensor { return tensors.FromFlatDataAndDimensions(noise, 1, 4, 8, 8) }
		coef := sampler.Steps()[0].Coef
		out := make([]float32, len(noise))
		if err := step.Take(out, x(), tensors.FromFlatDataAndDimensions([]int32{int32(label)}, 1), x(), x(),
			tensors.FromFlatDataAndDimensions(coef, len(coef))); err != nil {
			t.Fatal(err)
		}
		all = append(all, out)
	}
	pixels, code, image := make([]float32, 3*16*16), make([]float32, len(noise)), make([]float32, 3*16*16)
	rng.Normals(rng.Stream(2, "forms"), pixels)
	if err := errors.Join(vae.EncodeMean(code, pixels, 16), vae.DecodeTo(image, code, 16)); err != nil {
		t.Fatal(err)
	}
	return append(all, code, image)
}

const formUNet = `{"_class_name": "UNet2DConditionModel", "sample_size": 8, "block_out_channels": [32, 64],
	"layers_per_block": 1,
	"attention_head_dim": 2, "cross_attention_dim": 64, "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
	"up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"]}`

// writeForms writes both forms of a model with random weights.
func writeForms(t *testing.T, folder, checkpoint string) {
	t.Helper()
	e := testengine.Open(t)
	u, _, errU := unet.ParseConfig([]byte(formUNet))
	a := latent.Config{BlockOutChannels: []int{32, 32}, LayersPerBlock: 1, LatentChannels: 4, Groups: 32,
		ScalingFactor: 0.18215}
	ofUNet, errS := e.Declare(u.Func, shapes.Make(unet.DType, 1, 4, 2, 2), shapes.Make(unet.DType, 1),
		shapes.Make(unet.DType, 1, 1, 64))
	ofVAE, errA := e.Declare(a.Reconstruct, shapes.Make(latent.DType, 1, 3, 2, 2))
	vaeJSON, errJ := a.JSON()
	if err := errors.Join(errU, errS, errA, errJ); err != nil {
		t.Fatal(err)
	}
	c := text.Config{Vocabulary: 49408, Positions: 77, Width: 64, Inner: 128, Layers: 2, Heads: 1,
		Activation: "quick_gelu",
		Epsilon:    1e-5, Pool: -1}
	var whole []weights.Tensor
	put := func(path string, specs []weights.Spec, rename func(string) string) {
		var list []weights.Tensor
		for _, s := range specs {
			data := randomTensor(s)
			list = append(list, weights.F16(s.Name, s.Shape, data))
			shape := s.Shape
			if strings.HasPrefix(path, "vae") && strings.Contains(s.Name, "attentions") && len(shape) == 2 {
				shape = append(slices.Clone(shape), 1, 1) // the first programs have 1×1 convolutions there
			}
			whole = append(whole, weights.F16(rename(s.Name), shape, data))
		}
		writeTensors(t, filepath.Join(folder, path), list)
	}
	put("unet/diffusion_pytorch_model.safetensors", ofUNet, firstUNetName)
	put("vae/diffusion_pytorch_model.safetensors", ofVAE, firstVAEName)
	put("text_encoder/model.safetensors", c.Specs(),
		func(name string) string { return "cond_stage_model.transformer." + name })
	writeTensors(t, checkpoint, whole)
	files := map[string][]byte{"unet/config.json": []byte(formUNet), "vae/config.json": vaeJSON,
		"text_encoder/config.json": c.JSON(),
		"scheduler/scheduler_config.json": []byte(`{"beta_schedule": "scaled_linear", "beta_start": 0.00085,
			"beta_end": 0.012,
			"steps_offset": 1, "set_alpha_to_one": false}`)}
	files["tokenizer/merges.txt"], files["tokenizer/vocab.json"] = vocabulary(t)
	for name, data := range files {
		writeFile(t, filepath.Join(folder, name), data)
	}
	writeFile(t, filepath.Join(filepath.Dir(checkpoint), "config.json"), []byte(formUNet))
}

// randomTensor has the numbers of a tensor by its name: matrices of σ = 1/√in, norms near 1.
func randomTensor(s weights.Spec) []float32 {
	n := 1
	for _, d := range s.Shape {
		n *= d
	}
	data := make([]float32, n)
	rng.Normals(rng.Stream(3, "forms", rng.Hash(s.Name)), data)
	for i := range data {
		switch {
		case len(s.Shape) > 1:
			data[i] /= float32(math.Sqrt(float64(n / s.Shape[0])))
		case strings.Contains(s.Name, "norm") && strings.HasSuffix(s.Name, "weight"):
			data[i] = 1 + data[i]/10
		default:
			data[i] /= 10
		}
	}
	return data
}

// replace applies the pairs of a name and another in order.
func replace(name string, pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		name = strings.ReplaceAll(name, pairs[i], pairs[i+1])
	}
	return name
}

var blockName = regexp.MustCompile(`^(down|up)_blocks\.(\d)\.(resnets|attentions|downsamplers|upsamplers)\.(\d)\.`)

// firstUNetName is the first programs' name of a tensor of the U-Net of formUNet: two levels of one layer.
func firstUNetName(name string) string {
	if m := blockName.FindStringSubmatch(name); m != nil {
		level, _ := strconv.Atoi(m[2])
		j, _ := strconv.Atoi(m[4])
		part := map[string]string{"resnets": "0.", "attentions": "1."}[m[3]]
		switch m[3] {
		case "downsamplers":
			name, j, part = strings.Replace(name, "conv.", "", 1), 1, "0.op."
		case "upsamplers":
			j, part = 1, "1." // the level has no attention
		}
		at, side := level*2+j, "output"
		if m[1] == "down" {
			at, side = at+1, "input"
		}
		name = fmt.Sprintf("%s_blocks.%d.%s%s", side, at, part, name[len(m[0]):])
	}
	return "model.diffusion_model." + replace(name, "time_embedding.linear_1", "time_embed.0",
		"time_embedding.linear_2", "time_embed.2",
		"conv_in.", "input_blocks.0.0.", "conv_norm_out.", "out.0.", "conv_out.", "out.2.", "mid_block.resnets.0",
		"middle_block.0",
		"mid_block.attentions.0", "middle_block.1", "mid_block.resnets.1", "middle_block.2", "time_emb_proj",
		"emb_layers.1",
		"conv_shortcut", "skip_connection", ".conv1.", ".in_layers.2.", ".conv2.", ".out_layers.3.",
		".0.norm1.", ".0.in_layers.0.", ".0.norm2.", ".0.out_layers.0.", "middle_block.2.norm1.",
		"middle_block.2.in_layers.0.",
		"middle_block.2.norm2.", "middle_block.2.out_layers.0.", "transformer_blocks.0.in_layers.0.",
		"transformer_blocks.0.norm1.",
		"transformer_blocks.0.out_layers.0.", "transformer_blocks.0.norm2.")
}

// firstVAEName is that of an autoencoder of two levels.
func firstVAEName(name string) string {
	return "first_stage_model." + replace(name, "up_blocks.0.", "up.1.", "up_blocks.1.", "up.0.", "down_blocks.",
		"down.",
		"mid_block.resnets.0", "mid.block_1", "mid_block.resnets.1", "mid.block_2", "mid_block.attentions.0.group_norm",
		"mid.attn_1.norm",
		"mid_block.attentions.0.to_out.0", "mid.attn_1.proj_out", "mid_block.attentions.0.to_", "mid.attn_1.",
		".resnets.", ".block.", "samplers.0.conv", "sample.conv", "conv_norm_out", "norm_out", "conv_shortcut",
		"nin_shortcut")
}

// vocabulary returns OpenAI's, which travels with the program, as the files of a tokenizer.
func vocabulary(t *testing.T) (merges, vocab []byte) {
	t.Helper()
	packed, err := os.ReadFile("../text/vocabulary/merges.txt.gz")
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if merges, err = io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	var letters []string
	next := rune(256)
	for b := range 256 {
		l := rune(b)
		if l < '!' || l > '~' && l < '¡' || l == 0xAD {
			l, next = next, next+1
		}
		letters = append(letters, string(l))
	}
	slices.Sort(letters)
	var names []string
	names = append(names, letters...)
	for _, l := range letters {
		names = append(names, l+"</w>")
	}
	for line := range strings.Lines(string(merges)) {
		if parts := strings.Fields(line); len(parts) == 2 && !strings.HasPrefix(line, "#version") {
			names = append(names, parts[0]+parts[1])
		}
	}
	ids := map[string]int{}
	for _, name := range append(names, "<|startoftext|>", "<|endoftext|>") {
		ids[name] = len(ids)
	}
	vocab, err = json.Marshal(ids)
	if err != nil || len(ids) != 49408 {
		t.Fatal(len(ids), err)
	}
	return merges, vocab
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, data, 0o600)); err != nil {
		t.Fatal(err)
	}
}

func writeTensors(t *testing.T, path string, list []weights.Tensor) {
	t.Helper()
	var b bytes.Buffer
	if err := weights.Write(&b, list, map[string]string{"format": "pt"}); err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, b.Bytes())
}
