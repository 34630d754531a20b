package weights

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Whole is a whole latent diffusion model by its parts.
type Whole struct {
	Kind        Checkpoint
	UNet        *Set   // as [UNet] returns it
	Autoencoder *Set   // as [Autoencoder] returns it
	Text        []*Set // as [TextEncoder] returns them: one, two of SDXL, none of ClassLDM
	Classes     *Set   // of ClassLDM: as [ClassTable] names it
}

// Checkpoint returns all tensors under the names of the first programs, the inverse of [UNet], [Autoencoder] and
// [TextEncoder], in one set. Stable Diffusion 2's program has one more layer of the text encoder than it uses, which
// diffusers leaves out: one whose maps are zero, which changes nothing, takes its place.
func (w Whole) Checkpoint() (*Set, error) {
	all := &Set{w.UNet.path, map[string][]Tensor{}}
	add := func(prefix string, from *Set, name func(string) string) {
		for _, n := range from.Names() {
			all.parts[prefix+name(n)] = from.parts[n]
		}
	}
	add(diffusionModel, w.UNet, unetFirst(w.UNet))
	add(firstStage, w.Autoencoder, compVisFirst(w.Autoencoder))
	for name, parts := range all.parts {
		if attentionMap.MatchString(name) && len(parts[0].Shape) == 2 { // a 1×1 convolution there
			t := parts[0]
			t.Shape = append(slices.Clone(t.Shape), 1, 1)
			all.parts[name] = []Tensor{t}
		}
	}
	same := func(name string) string { return name }
	if w.Kind == ClassLDM {
		add(classStage, w.Classes, same)
		return all, nil
	}
	for i, encoder := range w.Text {
		prefix, openCLIP := textPlaces[i][0], w.Kind == SD2 || i == 1
		if w.Kind == SDXL {
			prefix = fmt.Sprintf("conditioner.embedders.%d.", i)
		}
		if !openCLIP {
			add(prefix+"transformer.", encoder.transformers(), same)
			continue
		}
		its, err := encoder.openCLIP(w.Kind == SD2)
		if err != nil {
			return nil, err
		}
		add(prefix+"model.", its, same)
	}
	return all, nil
}

// attentionMap matches the weights of the four maps of the autoencoder's attention under CompVis' names.
var attentionMap = regexp.MustCompile(`^first_stage_model\..*\.mid\.attn_1\.(q|k|v|proj_out)\.weight$`)

// Transformers returns the tensors of a text encoder, as [TextEncoder] returns them, under the names of transformers'
// files: those of its first layers, and all that is no layer's.
func (s *Set) Transformers(layers int) *Set {
	out := s.transformers()
	for name := range out.parts {
		if m := textLayer.FindStringSubmatch(name); m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil && n >= layers {
				delete(out.parts, name)
			}
		}
	}
	return out
}

var textLayer = regexp.MustCompile(`^text_model\.encoder\.layers\.(\d+)\.`)

var textQKV = regexp.MustCompile(`^(encoder\.layers\.\d+\.self_attn\.)qkv(_proj\.(?:weight|bias))$`)

func (s *Set) transformers() *Set {
	out := &Set{s.path, map[string][]Tensor{}}
	for name, parts := range s.parts {
		m := textQKV.FindStringSubmatch(name)
		thirds, err := split3(parts)
		switch {
		case name == "text_projection.weight":
			out.parts[name] = parts
		case m != nil && err == nil:
			for i, letter := range []string{"q", "k", "v"} {
				out.parts["text_model."+m[1]+letter+m[2]] = thirds[i : i+1]
			}
		default:
			out.parts["text_model."+name] = parts
		}
	}
	return out
}

// openCLIPBack are openCLIPRules the other way.
var openCLIPBack = rules(
	[2]string{`^encoder\.layers\.(\d+)\.layer_norm([12])\.`, "transformer.resblocks.$1.ln_$2."},
	[2]string{`^encoder\.layers\.(\d+)\.self_attn\.qkv_proj\.`, "transformer.resblocks.$1.attn.in_proj_"},
	[2]string{`^encoder\.layers\.(\d+)\.self_attn\.out_proj\.`, "transformer.resblocks.$1.attn.out_proj."},
	[2]string{`^encoder\.layers\.(\d+)\.mlp\.fc1\.`, "transformer.resblocks.$1.mlp.c_fc."},
	[2]string{`^encoder\.layers\.(\d+)\.mlp\.fc2\.`, "transformer.resblocks.$1.mlp.c_proj."},
	[2]string{`^embeddings\.token_embedding\.`, "token_embedding."},
	[2]string{`^embeddings\.position_embedding\.weight$`, "positional_embedding"},
	[2]string{`^final_layer_norm\.`, "ln_final."},
	[2]string{`^text_projection\.weight$`, "text_projection"},
)

// openCLIP returns the text encoder's tensors under the names of OpenCLIP, with a last layer that does nothing if more.
func (s *Set) openCLIP(more bool) (*Set, error) {
	out, to := &Set{s.path, map[string][]Tensor{}}, first(openCLIPBack)
	last, next := fmt.Sprintf("encoder.layers.%d.", s.textLayers()-1), fmt.Sprintf("encoder.layers.%d.", s.textLayers())
	for name, parts := range s.parts {
		if name == "text_projection.weight" {
			turned, err := transposed(parts[0])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.path, err)
			}
			parts = []Tensor{turned}
		}
		out.parts[to(name)] = parts
		if rest, ok := strings.CutPrefix(name, last); ok && more {
			shape, _ := s.Shape(name)
			zero := Tensor{Name: next + rest, DType: parts[0].DType, Shape: shape}
			size, err := zero.size()
			if err != nil {
				return nil, fmt.Errorf("%s: tensor %q: %w", s.path, name, err)
			}
			out.parts[to(next+rest)] = []Tensor{Raw(zero.Name, zero.DType, shape, make([]byte, size))}
		}
	}
	return out, nil
}

// textLayers is how many layers a text encoder has.
func (s *Set) textLayers() int {
	for n := 0; ; n++ {
		if _, ok := s.parts[fmt.Sprintf("encoder.layers.%d.mlp.fc1.weight", n)]; !ok {
			return n
		}
	}
}

// unetBack are unetRules the other way, and resnetBack resnetRules.
var unetBack = rules(
	[2]string{`^time_embedding\.linear_1\.`, "time_embed.0."},
	[2]string{`^time_embedding\.linear_2\.`, "time_embed.2."},
	[2]string{`^add_embedding\.linear_1\.`, "label_emb.0.0."},
	[2]string{`^add_embedding\.linear_2\.`, "label_emb.0.2."},
	[2]string{`^conv_in\.`, "input_blocks.0.0."},
	[2]string{`^mid_block\.resnets\.0\.`, "middle_block.0."},
	[2]string{`^mid_block\.attentions\.0\.`, "middle_block.1."},
	[2]string{`^mid_block\.resnets\.1\.`, "middle_block.2."},
	[2]string{`^conv_norm_out\.`, "out.0."},
	[2]string{`^conv_out\.`, "out.2."},
)

var resnetBack = rules(
	[2]string{`^norm1\.`, "in_layers.0."},
	[2]string{`^conv1\.`, "in_layers.2."},
	[2]string{`^time_emb_proj\.`, "emb_layers.1."},
	[2]string{`^norm2\.`, "out_layers.0."},
	[2]string{`^conv2\.`, "out_layers.3."},
	[2]string{`^conv_shortcut\.`, "skip_connection."},
)

var (
	unetPart   = regexp.MustCompile(`^(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.`)
	unetResnet = regexp.MustCompile(`^(?:(?:down|up)_blocks\.\d+|mid_block)\.resnets\.\d+\.`)
)

// unetFirst returns the function from diffusers' names of a U-Net to the first programs'.
func unetFirst(s *Set) func(name string) string {
	begins := map[string][]int{"down": {1}, "up": {0}} // the first block of each level
	for _, side := range []string{"down", "up"} {
		for level := 0; s.has("%s_blocks.%d.resnets.0.conv1.weight", side, level); level++ {
			n := 0
			for s.has("%s_blocks.%d.resnets.%d.conv1.weight", side, level, n) {
				n++
			}
			if side == "down" { // a downsampling is a block of its own
				n++
			}
			begins[side] = append(begins[side], begins[side][level]+n)
		}
	}
	plain, inBlock := first(unetBack), first(resnetBack)
	return func(name string) string {
		rest := name
		if head := unetResnet.FindString(name); head != "" {
			rest = head + inBlock(name[len(head):])
		}
		m := unetPart.FindStringSubmatch(name)
		if m == nil {
			return plain(rest)
		}
		rest = rest[len(m[0]):]
		level, errL := strconv.Atoi(m[2])
		j, errJ := strconv.Atoi(m[4])
		if errL != nil || errJ != nil || level+1 >= len(begins[m[1]]) {
			return name
		}
		at, next := begins[m[1]][level]+j, begins[m[1]][level+1]
		switch m[3] {
		case "downsamplers":
			return fmt.Sprintf("input_blocks.%d.0.op.%s", next-1, strings.TrimPrefix(rest, "conv."))
		case "upsamplers":
			part := 1
			if s.has("up_blocks.%d.attentions.0.norm.weight", level) {
				part = 2
			}
			return fmt.Sprintf("output_blocks.%d.%d.%s", next-1, part, rest)
		}
		blocks := map[string]string{"down": "input_blocks", "up": "output_blocks"}[m[1]]
		part := map[string]int{"resnets": 0, "attentions": 1}[m[3]]
		return fmt.Sprintf("%s.%d.%d.%s", blocks, at, part, rest)
	}
}

func (s *Set) has(format string, args ...any) bool {
	_, ok := s.parts[fmt.Sprintf(format, args...)]
	return ok
}

// compVisBack are compVisRules the other way.
var compVisBack = rules(
	[2]string{`^((?:en|de)coder)\.(down|up)_blocks\.(\d+)\.resnets\.`, "$1.$2.$3.block."},
	[2]string{`^((?:en|de)coder)\.(down|up)_blocks\.(\d+)\.(down|up)samplers\.0\.`, "$1.$2.$3.${4}sample."},
	[2]string{`^((?:en|de)coder)\.mid_block\.resnets\.0\.`, "$1.mid.block_1."},
	[2]string{`^((?:en|de)coder)\.mid_block\.resnets\.1\.`, "$1.mid.block_2."},
	[2]string{`^((?:en|de)coder)\.mid_block\.attentions\.0\.group_norm\.`, "$1.mid.attn_1.norm."},
	[2]string{`^((?:en|de)coder)\.mid_block\.attentions\.0\.to_([qkv])\.`, "$1.mid.attn_1.$2."},
	[2]string{`^((?:en|de)coder)\.mid_block\.attentions\.0\.to_out\.0\.`, "$1.mid.attn_1.proj_out."},
	[2]string{`^((?:en|de)coder)\.conv_norm_out\.`, "$1.norm_out."},
)

// upLevel matches a level of diffusers' decoder.
var upLevel = regexp.MustCompile(`^decoder\.up_blocks\.(\d+)\.`)

// compVisFirst returns the function from diffusers' names of an autoencoder to CompVis'.
func compVisFirst(s *Set) func(name string) string {
	levels := 0
	for s.has("decoder.up_blocks.%d.resnets.0.conv1.weight", levels) {
		levels++
	}
	to := first(compVisBack)
	return func(name string) string {
		if m := upLevel.FindStringSubmatch(name); m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil {
				name = fmt.Sprintf("decoder.up_blocks.%d.%s", levels-1-n, name[len(m[0]):])
			}
		}
		return strings.Replace(to(name), ".conv_shortcut.", ".nin_shortcut.", 1)
	}
}
