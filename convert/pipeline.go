package convert

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"mgd3/diffusion/scheduler"
	"mgd3/sd"
	"mgd3/stage"
	"mgd3/text"
	"mgd3/weights"
)

// writePipeline writes the folder of a whole model, a network after the other, and what is beside them at last.
func (o Options) writePipeline(ctx context.Context, r *Result, w *whole) error {
	others, err := w.others()
	if err != nil {
		return err
	}
	unlock, err := stage.Lock(o.Out, stage.Whole)
	if err != nil {
		return outputError{err}
	}
	defer unlock()
	var ours []string
	for _, p := range w.parts {
		ours = append(ours, p.folder)
	}
	for name := range others {
		first, _, _ := strings.Cut(name, "/")
		ours = append(ours, first)
	}
	if err := checkFolder(o.Out, ours); err != nil {
		return outputError{err}
	}
	for i, p := range w.parts {
		set := p.set
		// in transformers' names, with q, k and v apart, and without layers that the config leaves out
		if before := len(w.parts) - len(w.text); i >= before { // the text encoders are the last
			set = set.Transformers(w.text[i-before].Layers)
		}
		c := weights.Conversion{Name: p.name, DType: o.DType, MaxShard: o.MaxShard}
		shards, index, err := c.Shards(set)
		if err != nil {
			return err
		}
		beside := map[string][]byte{}
		if p.config != nil {
			beside[weights.ConfigFile] = p.config
		}
		if index != nil {
			beside[c.IndexName()] = index
		}
		before := len(r.Files)
		if err := (Options{Out: filepath.Join(o.Out, p.folder)}).write(ctx, r, shards, beside); err != nil {
			return err
		}
		// names in the result are those below o.Out
		for j := range r.Files[before:] {
			r.Files[before+j] = path.Join(w.parts[i].folder, r.Files[before+j])
		}
	}
	return Options{Out: o.Out}.write(ctx, r, nil, others)
}

// others returns the files of a pipeline beside its networks.
func (w *whole) others() (map[string][]byte, error) {
	noise, err := sd.Usual(w.kind).JSON()
	files := map[string][]byte{path.Join("scheduler", scheduler.File): noise}
	if w.kind == weights.ClassLDM {
		// diffusers has no class for the table of classes, and so there is no model_index.json: the parts are found by
		// the names of their folders
		return files, err
	}
	index := map[string]any{"_class_name": "StableDiffusionPipeline",
		unetFolder: []string{"diffusers", "UNet2DConditionModel"}, "vae": []string{"diffusers", "AutoencoderKL"},
		"scheduler":         []string{"diffusers", "DDIMScheduler"},
		"feature_extractor": []any{nil, nil}, "image_encoder": []any{nil, nil}}
	if w.kind == weights.SDXL {
		index["_class_name"], index["force_zeros_for_empty_prompt"] = "StableDiffusionXLPipeline", true
	} else {
		// the checker is a network of its own, which no checkpoint has
		index["safety_checker"], index["requires_safety_checker"] = []any{nil, nil}, false
	}
	for i, suffix := range suffixes(w.kind) {
		class := "CLIPTextModel"
		if w.text[i].Projection > 0 {
			class = "CLIPTextModelWithProjection"
		}
		index[textFolder+suffix] = []string{"transformers", class}
		index[tokenFolder+suffix] = []string{"transformers", "CLIPTokenizer"}
		tokenizer, errT := text.TokenizerFiles(padding(w.kind, i))
		err = errors.Join(err, errT)
		for name, data := range tokenizer {
			files[path.Join(tokenFolder+suffix, name)] = data
		}
	}
	data, errJ := json.MarshalIndent(index, "", "  ")
	files["model_index.json"] = append(data, '\n')
	return files, errors.Join(err, errJ)
}

// checkFolder refuses an output folder with other files in it than ours.
func checkFolder(dir string, ours []string) error {
	return Options{Out: dir}.checkOut(nil, nil, maps.Collect(func(yield func(string, []byte) bool) {
		for _, name := range slices.Compact(slices.Sorted(slices.Values(ours))) {
			if !yield(name, nil) {
				return
			}
		}
	}))
}
