package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/gomlx/compute/shapes"

	"mgd3/engine"
	"mgd3/stage/atomicfile"
	"mgd3/text"
	"mgd3/unet"
)

// textToImage writes a pipeline of diffusers.
func textToImage(e *engine.Engine, out, name string, half bool) error {
	net, ok := unet.Published(name)
	encoders := text.Published(name)
	if !ok || encoders == nil {
		return fmt.Errorf("no model %q: have dit-xl2, sd15, sd21 and sdxl", name)
	}
	vae, prediction := autoencoder, "epsilon"
	switch name {
	case "sd21":
		prediction = "v_prediction"
	case "sdxl":
		vae.ScalingFactor = 0.13025
	}
	config, errC := net.JSON()
	in := []shapes.Shape{shapes.Make(unet.DType, 1, net.Channels, net.Downsampling(), net.Downsampling()),
		shapes.Make(unet.DType, 1), shapes.Make(unet.DType, 1, 1, net.ContextDim)}
	if net.AddedLen() > 0 {
		in = append(in, shapes.Make(unet.DType, 1, net.AddedLen()))
	}
	specs, errS := e.Declare(net.Func, in...)
	const file = "diffusion_pytorch_model.safetensors"
	errs := []error{errC, errS,
		folder(filepath.Join(out, "unet"), file, config, specs, half),
		writeAutoencoder(e, filepath.Join(out, "vae"), file, vae, half),
		atomicfile.WriteBytes(filepath.Join(out, "model_index.json"), []byte("{}\n")),
		atomicfile.WriteBytes(filepath.Join(out, "scheduler", "scheduler_config.json"), fmt.Appendf(nil,
			`{"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1,
			"set_alpha_to_one": false, "prediction_type": %q}`, prediction)),
	}
	for i, c := range encoders {
		suffix, pad := "", text.PadEnd
		if i > 0 {
			suffix = "_2"
		}
		if i > 0 || name == "sd21" {
			pad = text.PadZero
		}
		tokenizer, err := text.TokenizerFiles(pad)
		errs = append(errs, err, folder(filepath.Join(out, "text_encoder"+suffix), "model.safetensors", c.JSON(),
			c.Specs(), half))
		for name, data := range tokenizer {
			errs = append(errs, atomicfile.WriteBytes(filepath.Join(out, "tokenizer"+suffix, name), data))
		}
	}
	return errors.Join(errs...)
}
