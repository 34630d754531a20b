package hub

import (
	"regexp"
	"slices"
)

// Names of weights, as diffusers, transformers and others build them:
//
//	model.safetensors   model.fp16.safetensors   model.non_ema.bin             whole
//	model-00001-of-00002.safetensors                                           in shards, with
//	model.safetensors.index.json                                               their index
//	model.fp16-00001-of-00002.safetensors or model-00001-of-00002.fp16.safetensors, and
//	model.safetensors.index.fp16.json
var weightsName = regexp.MustCompile(`^(.+?)(?:\.(fp16|bf16|non_ema|ema))?(-\d+-of-\d+)?` +
	`(?:\.(fp16|bf16|non_ema|ema))?\.(safetensors|bin|pt|pth|ckpt|h5|msgpack|onnx)` +
	`(\.index(?:\.(fp16|bf16|non_ema|ema))?\.json)?$`)

// form is one of the forms in which a repository may have the same weights.
type form struct {
	variant string // fp16, say; "" is none
	ending  string
	sharded bool
}

// better reports whether f makes other superfluous: weights without a variant those with one, safetensors all other
// endings, and one file the shards of the same ending.
func (f form) better(other form) bool {
	const best = "safetensors"
	switch {
	case (f.variant == "") != (other.variant == ""):
		return f.variant == ""
	case f.variant != other.variant:
		return false
	case f.ending != other.ending:
		return f.ending == best
	}
	return other.sharded && !f.sharded
}

// formOf returns the weights that a file belongs to, by their name without all that tells forms apart.
func formOf(name string) (of string, f form, ok bool) {
	m := weightsName.FindStringSubmatch(name)
	if m == nil {
		return "", form{}, false
	}
	return m[1], form{first(m[2], m[4], m[7]), m[5], m[3] != "" || m[6] != ""}, true
}

// lean leaves out what is there twice, if it is to be so.
func (w Want) lean(names []string) []string {
	if !w.Lean {
		return names
	}
	forms := map[string][]form{}
	for _, name := range names {
		if of, f, ok := formOf(name); ok {
			forms[of] = append(forms[of], f)
		}
	}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		of, f, ok := formOf(name)
		return ok && slices.ContainsFunc(forms[of], func(other form) bool { return other.better(f) })
	})
}
