package tiny

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/gomlx/compute/shapes"

	"mgd3/dit"
	"mgd3/engine"
	"mgd3/internal/wild"
	"mgd3/latent"
	"mgd3/weights"
)

// Found writes one model in the layouts that models are found in below dir:
//
//	model/          ours, with a config.json and no classes.txt
//	pipeline/       diffusers' DiTPipeline, with the words of labels
//	dit.pt vae.ckpt single files of PyTorch, in the original programs' names, the latter Stable Diffusion's with only the
//	                autoencoder whole
//	taesd_encoder.pth taesd_decoder.pth  another autoencoder of four channels, of the TAESD family
//
// It has one class for each label. Its networks are as wide as published ones, as single files do not tell all.
func Found(dir string, labels []string) error {
	e, err := engine.Open("cpu")
	if err != nil {
		return err
	}
	defer e.Close()
	net := dit.Config{InputSize: 4, Patch: 2, Channels: 4, Hidden: 384, Depth: 1, Heads: 6, Classes: len(labels), LearnSigma: true}
	vae := latent.Config{BlockOutChannels: []int{32, 32, 32}, LayersPerBlock: 1, LatentChannels: 4, Groups: 32, ScalingFactor: 0.18215}
	netConfig, errA := json.Marshal(net)
	vaeConfig, errB := vae.JSON()
	netSpecs, errC := e.Declare(net.Func, shapes.Make(dit.TimeType, 1, 4, 4, 4), shapes.Make(dit.TimeType, 1), shapes.Make(dit.LabelType, 1))
	vaeSpecs, errD := e.Declare(vae.Reconstruct, shapes.Make(latent.DType, 1, 3, Size, Size))
	if err := errors.Join(errA, errB, errC, errD); err != nil {
		return err
	}
	table := net.PositionsSpec()
	netList := append(wild.Random(netSpecs, 1, 0.02), weights.F32(table.Name, table.Shape, dit.Positions(net.Hidden, net.InputSize/net.Patch)))
	vaeList := wild.Random(vaeSpecs, 2, 0.05)
	whole := append(wild.Prefixed("first_stage_model.", wild.CompVis(vaeList, len(vae.BlockOutChannels))),
		weights.F32("model.diffusion_model.out.2.bias", []int{4}, make([]float32, 4)))
	ids := map[string]string{}
	for i, label := range labels {
		ids[fmt.Sprint(i)] = label
	}
	index, err := json.Marshal(map[string]any{"_class_name": "DiTPipeline", "id2label": ids, "scheduler": []string{"diffusers", "DDIMScheduler"},
		"transformer": []string{"diffusers", "Transformer2DModel"}, "vae": []string{"diffusers", "AutoencoderKL"}})
	transformer, errT := json.Marshal(map[string]any{"_class_name": "Transformer2DModel", "activation_fn": "gelu-approximate",
		"attention_head_dim": net.Hidden / net.Heads, "in_channels": net.Channels, "norm_type": "ada_norm_zero", "num_attention_heads": net.Heads,
		"num_embeds_ada_norm": net.Classes, "num_layers": net.Depth, "out_channels": net.OutChannels(), "patch_size": net.Patch, "sample_size": net.InputSize})
	encoder, decoder := taesd(4, 8)
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	const weightsFile = "diffusion_pytorch_model.safetensors"
	return errors.Join(err, errT,
		file(at("model/dit/config.json"), string(netConfig)),
		wild.Write(at("model/dit/model.safetensors"), netList),
		file(at("model/autoencoder/config.json"), string(vaeConfig)),
		wild.Write(at("model/autoencoder/"+weightsFile), vaeList),
		file(at("pipeline/model_index.json"), string(index)),
		file(at("pipeline/scheduler/scheduler_config.json"), `{"_class_name": "DDIMScheduler", "beta_end": 0.02, "beta_schedule": "linear",
  "beta_start": 0.0001, "num_train_timesteps": 1000, "prediction_type": "epsilon", "trained_betas": null}`),
		file(at("pipeline/transformer/config.json"), string(transformer)),
		wild.Write(at("pipeline/transformer/"+weightsFile), wild.Transformer(netList, net.Depth)),
		file(at("pipeline/vae/config.json"), string(vaeConfig)),
		wild.Write(at("pipeline/vae/"+weightsFile), vaeList),
		wild.WriteTorch(at("dit.pt"), netList),
		wild.WriteTorch(at("vae.ckpt"), whole),
		wild.WriteTorch(at("taesd_encoder.pth"), wild.Random(encoder, 3, 0.1)),
		wild.WriteTorch(at("taesd_decoder.pth"), wild.Random(decoder, 4, 0.1)))
}

// taesd returns what the two files of an autoencoder of the TAESD family hold.
func taesd(channels, width int) (encoder, decoder []weights.Spec) {
	conv := func(layer string, out, in int, bias bool) []weights.Spec {
		specs := []weights.Spec{{Name: layer + ".weight", Shape: []int{out, in, 3, 3}}}
		if bias {
			specs = append(specs, weights.Spec{Name: layer + ".bias", Shape: []int{out}})
		}
		return specs
	}
	block := func(layer int) (specs []weights.Spec) {
		for _, i := range []int{0, 2, 4} {
			specs = append(specs, conv(fmt.Sprintf("%d.conv.%d", layer, i), width, width, true)...)
		}
		return specs
	}
	encoder = append(conv("0", width, 3, true), block(1)...)
	decoder = conv("1", width, channels, true)
	for stage := range 3 {
		down, up := 2+4*stage, 7+5*stage
		encoder = append(encoder, conv(fmt.Sprint(down), width, width, false)...)
		for i := range 3 {
			encoder = append(encoder, block(down+1+i)...)
			decoder = append(decoder, block(up-4+i)...)
		}
		decoder = append(decoder, conv(fmt.Sprint(up), width, width, false)...)
	}
	decoder = append(decoder, block(18)...)
	return append(encoder, conv("14", channels, width, true)...), append(decoder, conv("19", 3, width, true)...)
}
