package weights

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// diffusersRules are ditRules the other way, but for what diffusers repeats or splits.
var diffusersRules = rules(
	[2]string{`^x_embedder\.proj\.`, "pos_embed.proj."},
	[2]string{`^blocks\.(\d+)\.adaLN_modulation\.1\.`, "transformer_blocks.$1.norm1.linear."},
	[2]string{`^blocks\.(\d+)\.attn\.proj\.`, "transformer_blocks.$1.attn1.to_out.0."},
	[2]string{`^blocks\.(\d+)\.mlp\.fc1\.`, "transformer_blocks.$1.ff.net.0.proj."},
	[2]string{`^blocks\.(\d+)\.mlp\.fc2\.`, "transformer_blocks.$1.ff.net.2."},
	[2]string{`^final_layer\.adaLN_modulation\.1\.`, "proj_out_1."},
	[2]string{`^final_layer\.linear\.`, "proj_out_2."},
)

// embedderRules are those of the embedders, which diffusers has in every block.
var embedderRules = rules(
	[2]string{`^t_embedder\.mlp\.0\.`, "timestep_embedder.linear_1."},
	[2]string{`^t_embedder\.mlp\.2\.`, "timestep_embedder.linear_2."},
	[2]string{`^y_embedder\.`, "class_embedder."},
)

var (
	embedder = regexp.MustCompile(`^[ty]_embedder\.`)
	block    = regexp.MustCompile(`^blocks\.(\d+)\.`)
	fused    = regexp.MustCompile(`^blocks\.(\d+)\.attn\.qkv\.(weight|bias)$`)
)

// ToDiffusers returns a denoiser's tensors under the names of a diffusers transformer folder (v0.30), the inverse of
// [DiT]: qkv becomes q, k and v, the embedders come into every block, and the table of positions, which diffusers
// computes, goes. See DiT for how far diffusers computes the same with them.
func ToDiffusers(dit *Set) (*Set, error) {
	depth := 0
	for name := range dit.parts {
		if m := block.FindStringSubmatch(name); m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil {
				depth = max(depth, n+1)
			}
		}
	}
	if depth > len(dit.parts) { // every block has some
		return nil, fmt.Errorf("%s: %w: it has a block %d and %d tensors in all", dit.path, ErrMismatch, depth-1,
			len(dit.parts))
	}
	plain, inBlock := first(diffusersRules), first(embedderRules)
	out := &Set{dit.path, map[string][]Tensor{}}
	for name, parts := range dit.parts {
		switch m := fused.FindStringSubmatch(name); {
		case name == "pos_embed":
		case embedder.MatchString(name):
			for i := range depth {
				out.parts[fmt.Sprintf("transformer_blocks.%d.norm1.emb.%s", i, inBlock(name))] = parts
			}
		case m != nil:
			thirds, err := split3(parts)
			if err != nil {
				return nil, fmt.Errorf("%s: %w: tensor %q: %w", dit.path, ErrMismatch, name, err)
			}
			for i, letter := range strings.Split("qkv", "") {
				out.parts[fmt.Sprintf("transformer_blocks.%s.attn1.to_%s.%s", m[1], letter, m[2])] = thirds[i : i+1]
			}
		default:
			out.parts[plain(name)] = parts
		}
	}
	return out, nil
}

// split3 cuts a tensor along its first axis, unless it is in three parts already.
func split3(parts []Tensor) ([]Tensor, error) {
	if len(parts) == 3 {
		return parts, nil
	}
	whole := parts[0]
	if len(parts) != 1 || len(whole.Shape) == 0 || whole.Shape[0]%3 != 0 {
		return nil, fmt.Errorf("shape %v, want a first axis of query, key and value", whole.Shape)
	}
	thirds := make([]Tensor, 3)
	size := (whole.end - whole.begin) / 3
	for i := range thirds {
		t := whole
		t.Shape = append([]int{whole.Shape[0] / 3}, whole.Shape[1:]...)
		t.begin += i * size
		t.end = t.begin + size
		if whole.rows != nil {
			t.rows = whole.rows[i*t.Shape[0] : (i+1)*t.Shape[0]]
		}
		thirds[i] = t
	}
	return thirds, nil
}
