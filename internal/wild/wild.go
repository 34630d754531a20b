// Package wild puts a model's tensors under the names of other programs, for tests of those that read them: the
// inverse of the maps in package weights, written apart from them.
package wild

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mgd3/internal/atomicfile"
	"mgd3/rng"
	"mgd3/weights"
)

// Read returns the tensors of a file, as float32.
func Read(f *weights.File) ([]weights.Tensor, error) {
	var list []weights.Tensor
	for _, name := range f.Names() {
		t, err := f.Tensor(name)
		if err != nil {
			return nil, err
		}
		data, err := t.Float32s()
		if err != nil {
			return nil, err
		}
		list = append(list, weights.F32(name, t.Shape, data))
	}
	return list, nil
}

// Write writes a safetensors file.
func Write(path string, list []weights.Tensor) error {
	return atomicfile.Write(path, func(w io.Writer) error { return weights.Write(w, list, nil) })
}

// Random returns tensors of normal numbers. Those of a fresh network have a deviation of about 1/√(inputs).
func Random(specs []weights.Spec, seed uint64, deviation float32) []weights.Tensor {
	var list []weights.Tensor
	for i, spec := range specs {
		n := 1
		for _, d := range spec.Shape {
			n *= d
		}
		data := make([]float32, n)
		rng.Normals(rng.Stream(seed, "weights", uint64(i)), data)
		for j := range data {
			data[j] *= deviation
		}
		list = append(list, weights.F32(spec.Name, spec.Shape, data))
	}
	return list
}

// Half returns the tensors in half precision.
func Half(list []weights.Tensor) []weights.Tensor {
	return each(list, func(t weights.Tensor) weights.Tensor { return weights.F16(t.Name, t.Shape, floats(t)) })
}

// Prefixed returns the tensors with prefix before their names.
func Prefixed(prefix string, list []weights.Tensor) []weights.Tensor {
	return each(list, func(t weights.Tensor) weights.Tensor { t.Name = prefix + t.Name; return t })
}

// Part returns the tensors whose names begin with prefix, without it.
func Part(prefix string, list []weights.Tensor) []weights.Tensor {
	var part []weights.Tensor
	for _, t := range list {
		if name, ok := strings.CutPrefix(t.Name, prefix); ok {
			t.Name = name
			part = append(part, t)
		}
	}
	return part
}

func each(list []weights.Tensor, f func(weights.Tensor) weights.Tensor) []weights.Tensor {
	list = slices.Clone(list)
	for i := range list {
		list[i] = f(list[i])
	}
	return list
}

func floats(t weights.Tensor) []float32 {
	data, err := t.Float32s()
	if err != nil {
		panic(err) // it was made of float32s
	}
	return data
}

// CompVis returns the tensors of a diffusers AutoencoderKL under the names of the first latent diffusion programs.
func CompVis(list []weights.Tensor, levels int) []weights.Tensor {
	plain := strings.NewReplacer(".down_blocks.", ".down.", ".up_blocks.", ".up.", ".resnets.", ".block.",
		".downsamplers.0.", ".downsample.", ".upsamplers.0.", ".upsample.", ".conv_shortcut.", ".nin_shortcut.",
		".mid_block.resnets.0.", ".mid.block_1.", ".mid_block.resnets.1.", ".mid.block_2.", ".mid_block.attentions.0.", ".mid.attn_1.",
		".conv_norm_out.", ".norm_out.")
	attention := strings.NewReplacer(".group_norm.", ".norm.", ".to_q.", ".q.", ".to_k.", ".k.", ".to_v.", ".v.", ".to_out.0.", ".proj_out.")
	up := regexp.MustCompile(`\.up\.(\d+)\.`)
	return each(list, func(t weights.Tensor) weights.Tensor {
		t.Name = attention.Replace(plain.Replace(t.Name))
		t.Name = up.ReplaceAllStringFunc(t.Name, func(s string) string {
			n, _ := strconv.Atoi(up.FindStringSubmatch(s)[1])
			return fmt.Sprintf(".up.%d.", levels-1-n)
		})
		if strings.Contains(t.Name, ".attn_1.") && len(t.Shape) == 2 {
			t.Shape = []int{t.Shape[0], t.Shape[1], 1, 1}
		}
		return t
	})
}

// Transformer returns the tensors of a DiT of that many blocks under the names of diffusers' DiTTransformer2DModel, which has q, k
// and v apart and the embedders in every block.
func Transformer(list []weights.Tensor, depth int) []weights.Tensor {
	names := strings.NewReplacer("x_embedder.proj.", "pos_embed.proj.", "final_layer.adaLN_modulation.1.", "proj_out_1.",
		"final_layer.linear.", "proj_out_2.", "blocks.", "transformer_blocks.", ".adaLN_modulation.1.", ".norm1.linear.",
		".attn.proj.", ".attn1.to_out.0.", ".mlp.fc1.", ".ff.net.0.proj.", ".mlp.fc2.", ".ff.net.2.")
	embedders := strings.NewReplacer("t_embedder.mlp.0.", "timestep_embedder.linear_1.", "t_embedder.mlp.2.", "timestep_embedder.linear_2.",
		"y_embedder.", "class_embedder.")
	var out []weights.Tensor
	for _, t := range list {
		before, after, qkv := strings.Cut(t.Name, ".attn.qkv.")
		switch {
		case t.Name == "pos_embed":
		case strings.HasPrefix(t.Name, "t_embedder.") || strings.HasPrefix(t.Name, "y_embedder."):
			for i := range depth {
				copied := t
				copied.Name = fmt.Sprintf("transformer_blocks.%d.norm1.emb.%s", i, embedders.Replace(t.Name))
				out = append(out, copied)
			}
		case qkv:
			data, shape := floats(t), slices.Clone(t.Shape)
			shape[0] /= 3
			for i, part := range []string{"q", "k", "v"} {
				name := names.Replace(before) + ".attn1.to_" + part + "." + after
				out = append(out, weights.F32(name, shape, data[i*len(data)/3:(i+1)*len(data)/3]))
			}
		default:
			t.Name = names.Replace(t.Name)
			out = append(out, t)
		}
	}
	return out
}

// AutoencoderTiny returns the tensors of a member of the TAESD family under diffusers' names.
func AutoencoderTiny(list []weights.Tensor) []weights.Tensor {
	return each(list, func(t weights.Tensor) weights.Tensor {
		part, rest, _ := strings.Cut(t.Name, ".")
		layer, rest, _ := strings.Cut(rest, ".")
		if n, err := strconv.Atoi(layer); err == nil && part == "decoder" {
			layer = strconv.Itoa(n - 1) // the clamp is no layer there
		}
		t.Name = part + ".layers." + layer + "." + rest
		return t
	})
}
