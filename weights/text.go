package weights

import (
	"fmt"
	"regexp"
	"strings"
)

// Names of CLIP's text encoder in OpenCLIP and OpenAI's program, and transformers' for the same:
//
//	transformer.resblocks.I.ln_1.  ln_2.          encoder.layers.I.layer_norm1.  layer_norm2.
//	transformer.resblocks.I.attn.in_proj_weight   encoder.layers.I.self_attn.qkv_proj.weight   here: q, k and v in one
//	transformer.resblocks.I.attn.out_proj.        encoder.layers.I.self_attn.out_proj.
//	transformer.resblocks.I.mlp.c_fc.  c_proj.    encoder.layers.I.mlp.fc1.  fc2.
//	token_embedding.weight, positional_embedding  embeddings.token_embedding.weight,
//	                                              embeddings.position_embedding.weight
//	ln_final., text_projection [D, P]             final_layer_norm., text_projection.weight [P, D]
var openCLIPRules = rules(
	[2]string{`^transformer\.resblocks\.(\d+)\.ln_([12])\.`, "encoder.layers.$1.layer_norm$2."},
	[2]string{`^transformer\.resblocks\.(\d+)\.attn\.in_proj_`, "encoder.layers.$1.self_attn.qkv_proj."},
	[2]string{`^transformer\.resblocks\.(\d+)\.attn\.out_proj\.`, "encoder.layers.$1.self_attn.out_proj."},
	[2]string{`^transformer\.resblocks\.(\d+)\.mlp\.c_fc\.`, "encoder.layers.$1.mlp.fc1."},
	[2]string{`^transformer\.resblocks\.(\d+)\.mlp\.c_proj\.`, "encoder.layers.$1.mlp.fc2."},
	[2]string{`^token_embedding\.`, "embeddings.token_embedding."},
	[2]string{`^positional_embedding$`, "embeddings.position_embedding.weight"},
	[2]string{`^ln_final\.`, "final_layer_norm."},
)

// textQuery matches transformers' names of a layer's query.
var textQuery = regexp.MustCompile(`^(encoder\.layers\.\d+\.self_attn\.)q(_proj\.(?:weight|bias))$`)

// textBeside matches what lies beside the text encoder in the files of a whole CLIP, and what no formula uses.
var textBeside = regexp.MustCompile(`^(vision_model|visual|visual_projection)\.|^(logit_scale|logit_bias|attn_mask|` +
	`input_resolution|context_length|vocab_size)$|(^|\.)embeddings\.position_ids$`)

// textPlaces are where the checkpoint of a whole diffusion model has its text encoders, the first and the second.
var textPlaces = [2][]string{
	{"cond_stage_model.", "conditioner.embedders.0."},
	{"conditioner.embedders.1."},
}

// TextKind says where the tensors of a text encoder were found.
type TextKind struct {
	Checkpoint bool // in that of a whole diffusion model: there is no config.json of the encoder's
	OpenCLIP   bool // under the names of OpenCLIP
}

// TextEncoder returns the tensors of CLIP's text encoder under the names of transformers' CLIPTextModel (v5), and of
// every layer q, k and v as one qkv_proj. Known are the names of transformers, old and new, and of OpenCLIP, each in a
// file of its own or in the checkpoint of a whole diffusion model, of which second takes SDXL's second encoder. A file
// with none is an [ErrMismatch].
func TextEncoder(f *File, second bool) (*Set, TextKind, error) {
	var kind TextKind
	items := f.items()
	prefix, err := f.textPrefix(items, second)
	if err != nil {
		return nil, kind, err
	}
	kind.Checkpoint = prefix != ""
	var own []item
	for _, i := range items {
		name, ok := strings.CutPrefix(i.name, prefix)
		if !ok {
			continue
		}
		name = strings.TrimPrefix(name, "transformer.text_model.")
		name = strings.TrimPrefix(name, "text_model.")
		if kind.Checkpoint {
			name = strings.TrimPrefix(name, "model.")
		}
		if textBeside.MatchString(name) {
			continue
		}
		kind.OpenCLIP = kind.OpenCLIP || strings.HasPrefix(name, "transformer.resblocks.")
		own = append(own, item{name, i.tensor})
	}
	if kind.OpenCLIP {
		for i := range own {
			if own[i].name == "text_projection" {
				own[i].name = "text_projection.weight"
				if own[i].tensor, err = transposed(own[i].tensor); err != nil {
					return nil, kind, fmt.Errorf("%s: %w", f.path, err)
				}
			}
		}
	}
	s, err := f.renamed(own, first(openCLIPRules))
	if err != nil {
		return nil, kind, err
	}
	s.fuse(textQuery)
	return s, kind, nil
}

// textPrefix returns what comes before the names of the wanted text encoder, "" in a file of its own.
func (f *File) textPrefix(items []item, second bool) (string, error) {
	places := textPlaces[0]
	if second {
		places = textPlaces[1]
	}
	whole := false
	for _, i := range items {
		for _, prefix := range places {
			if strings.HasPrefix(i.name, prefix) {
				return prefix, nil
			}
		}
		whole = whole || strings.HasPrefix(i.name, firstStage) || strings.HasPrefix(i.name, "model.diffusion_model.")
	}
	if whole || second {
		return "", fmt.Errorf("%s: %w: it has no text encoder: no tensor's name begins with %q", f.path, ErrMismatch,
			places[0])
	}
	return "", nil
}

// transposed returns a matrix with its axes exchanged.
func transposed(t Tensor) (Tensor, error) {
	if len(t.Shape) != 2 {
		return t, fmt.Errorf("%w: tensor %q has shape %v, want a matrix", ErrMismatch, t.Name, t.Shape)
	}
	size, rows, columns := sizes[t.DType], t.Shape[0], t.Shape[1]
	turned := make([]byte, size*rows*columns)
	err := t.read(func(data []byte) error {
		for i := range rows {
			for j := range columns {
				copy(turned[(j*rows+i)*size:], data[(i*columns+j)*size:(i*columns+j+1)*size])
			}
		}
		return nil
	})
	if err != nil {
		return t, err
	}
	return Raw(t.Name, t.DType, []int{columns, rows}, turned), nil
}
