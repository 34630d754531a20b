package weights

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
)

// rule renames tensors: what the pattern matches becomes the replacement.
type rule struct {
	pattern     *regexp.Regexp
	replacement string
}

func rules(pairs ...[2]string) []rule {
	var rules []rule
	for _, p := range pairs {
		rules = append(rules, rule{regexp.MustCompile(p[0]), p[1]})
	}
	return rules
}

var ditRules = rules(
	[2]string{`^pos_embed\.proj\.`, "x_embedder.proj."},
	[2]string{`^transformer_blocks\.\d+\.norm1\.emb\.timestep_embedder\.linear_1\.`, "t_embedder.mlp.0."},
	[2]string{`^transformer_blocks\.\d+\.norm1\.emb\.timestep_embedder\.linear_2\.`, "t_embedder.mlp.2."},
	[2]string{`^transformer_blocks\.\d+\.norm1\.emb\.class_embedder\.`, "y_embedder."},
	[2]string{`^transformer_blocks\.(\d+)\.norm1\.linear\.`, "blocks.$1.adaLN_modulation.1."},
	[2]string{`^transformer_blocks\.(\d+)\.attn1\.to_([qkv])\.`, "blocks.$1.attn.$2."},
	[2]string{`^transformer_blocks\.(\d+)\.attn1\.to_out\.0\.`, "blocks.$1.attn.proj."},
	[2]string{`^transformer_blocks\.(\d+)\.ff\.net\.0\.proj\.`, "blocks.$1.mlp.fc1."},
	[2]string{`^transformer_blocks\.(\d+)\.ff\.net\.2\.`, "blocks.$1.mlp.fc2."},
	[2]string{`^proj_out_1\.`, "final_layer.adaLN_modulation.1."},
	[2]string{`^proj_out_2\.`, "final_layer.linear."},
)

// DiT returns a denoiser's tensors under the names of facebookresearch/DiT. Those of a
// diffusers transformer folder (v0.30) are mapped by ditRules; its q, k and v become one qkv,
// and of the embedders, which it repeats in every block, all must be equal and one is kept. The
// factors of Minimax's fine-tuning are folded.
//
// Only names are mapped. diffusers computes another function with the same numbers (it
// divides the frequency exponent by 127, not by 128, and its second norm has another ε);
// MGD3 needs the original one. A name no rule knows is kept, and Set.Load refuses it.
func DiT(f *File) (*Set, error) {
	s, err := rename(f, ditRules)
	if err != nil {
		return nil, err
	}
	s.fuse(regexp.MustCompile(`^(blocks\.\d+\.attn\.)q(\.weight|\.bias)$`))
	folded, err := s.fold()
	if folded > 0 {
		f.note(fmt.Sprintf("%d factors of a fine-tuning (gamma1, gamma2) are multiplied into the maps behind them",
			folded))
	}
	if unused := slices.DeleteFunc(s.Names(),
		func(name string) bool { return !inert.MatchString(name) }); len(unused) > 0 {
		for _, name := range unused {
			delete(s.parts, name)
		}
		f.note("tensors that no formula uses are left out: " + some(unused))
	}
	return s, err
}

var autoencoderRules = rules(
	[2]string{`(\.attentions\.\d+\.)query\.`, "${1}to_q."},
	[2]string{`(\.attentions\.\d+\.)key\.`, "${1}to_k."},
	[2]string{`(\.attentions\.\d+\.)value\.`, "${1}to_v."},
	[2]string{`(\.attentions\.\d+\.)proj_attn\.`, "${1}to_out.0."},
)

// attentionWeight matches the weights of a mid attention's four linear maps.
var attentionWeight = regexp.MustCompile(`\.attentions\.\d+\.to_(q|k|v|out\.0)\.weight$`)

// Autoencoder returns the tensors of an AutoencoderKL under the names of diffusers v0.30.
// Its older names of the mid attention (query, key, value, proj_attn) are mapped to them,
// and 1×1 convolutions [C, C, 1, 1] there become the linear maps [C, C] they are. The names of
// the first programs of latent diffusion are mapped too; of a whole model's checkpoint only
// the autoencoder is taken.
func Autoencoder(f *File) (*Set, error) {
	items, err := f.plain()
	if err != nil {
		return nil, err
	}
	name := compVis(items)
	if name == nil {
		name = first(autoencoderRules)
	}
	s, err := renameBy(f, name)
	if err != nil {
		return nil, err
	}
	for name, parts := range s.parts {
		t := &parts[0]
		if attentionWeight.MatchString(name) && len(t.Shape) == 4 && t.Shape[2] == 1 && t.Shape[3] == 1 {
			t.Shape = t.Shape[:2]
		}
	}
	return s, nil
}

var perceptualRules = rules([2]string{`^lins\.`, "lin"})

// Perceptual returns the tensors of LPIPS with its network's features, under the names of
// richzhang/PerceptualSimilarity. That program's files hold every head twice, as lin0 and as
// lins.0; both must be equal and one is kept.
func Perceptual(f *File) (*Set, error) {
	// its "net" is one of several parts that belong together
	return f.renamed(f.unprefixed(f.items()), first(perceptualRules))
}

// rename is renameBy the first rule that matches.
func rename(f *File, rules []rule) (*Set, error) { return renameBy(f, first(rules)) }

// first returns the function that applies the first rule to match.
func first(rules []rule) func(name string) string {
	return func(name string) string {
		for _, r := range rules {
			if r.pattern.MatchString(name) {
				return r.pattern.ReplaceAllString(name, r.replacement)
			}
		}
		return name
	}
}

// renameBy returns the tensors of f under the names that to gives them, without those it gives none.
// Several may come under one name if they are equal.
func renameBy(f *File, to func(name string) string) (*Set, error) {
	items, err := f.plain()
	if err != nil {
		return nil, err
	}
	return f.renamed(items, to)
}

// renamed is renameBy of some items of f.
func (f *File) renamed(items []item, to func(name string) string) (*Set, error) {
	s := &Set{f.path, map[string][]Tensor{}}
	var faults []string
	for _, i := range items {
		t, ours := i.tensor, to(i.name)
		if ours == "" {
			continue
		}
		if same := s.parts[ours]; same == nil {
			s.parts[ours] = []Tensor{t}
		} else if is, err := equal(same[0], t); err != nil {
			return nil, err
		} else if !is {
			faults = append(faults, fmt.Sprintf("tensor %q differs from %q, want them equal: the model has one %q",
				t.Name, same[0].Name, ours))
		}
	}
	return s, s.mismatch(faults)
}

// fuse stacks q, k and v of every layer whose name matches query, in groups before and after
// the q, to one qkv. A triple that is not whole, or not of one shape, stays as it is, and
// Set.Load names what is missing.
func (s *Set) fuse(query *regexp.Regexp) {
	for _, q := range s.Names() {
		if !query.MatchString(q) {
			continue
		}
		sibling := func(letter string) string { return query.ReplaceAllString(q, "${1}"+letter+"${2}") }
		k, v := sibling("k"), sibling("v")
		qkv := slices.Concat(s.parts[q], s.parts[k], s.parts[v])
		if len(qkv) == 3 && stackable(qkv) {
			delete(s.parts, q)
			delete(s.parts, k)
			delete(s.parts, v)
			s.parts[sibling("qkv")] = qkv
		}
	}
}

// stackable reports whether all parts have one shape, with a first axis.
func stackable(parts []Tensor) bool {
	shape := parts[0].Shape
	return len(shape) > 0 && !slices.ContainsFunc(parts, func(t Tensor) bool { return !slices.Equal(t.Shape, shape) })
}

// equal reports whether two tensors have the same type, shape and bytes.
func equal(a, b Tensor) (bool, error) {
	same := a.DType == b.DType && slices.Equal(a.Shape, b.Shape)
	if !same {
		return false, nil
	}
	err := a.read(func(x []byte) error {
		return b.read(func(y []byte) error {
			same = bytes.Equal(x, y)
			return nil
		})
	})
	return same, err
}
