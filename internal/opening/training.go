package opening

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"mgd3/engine"
	"mgd3/internal/backends"
	"mgd3/internal/exits"
	"mgd3/latent"
	"mgd3/model"
	"mgd3/prompt"
	"mgd3/sets"
	"mgd3/stage"
	"mgd3/train"
)

// Training opens the backend and the images of a training, and takes the output folder. The function ends it.
func Training(ctx context.Context, o *train.Options, from *sets.Opener, data sets.Spec,
	b backends.Choice, p engine.Precision) (func(), error) {
	r := &Run{}
	err := errors.Join(o.Check(), p.Check())
	if err != nil {
		return nil, exits.Fail(exits.Usage, "", err)
	}
	if o.Engine, err = b.Open(p, ""); err != nil {
		return nil, err
	}
	r.close = append(r.close, o.Engine.Close)
	data.Split, data.Limit = o.Images.Split, o.Images.Limit
	if o.Data, err = from.Open(ctx, data); err != nil {
		r.Close()
		return nil, exits.Fail(exits.Input, "", err)
	}
	r.close = append(r.close, func() { _ = o.Data.Close() })
	unlock, err := stage.Lock(o.Out, stage.Whole)
	if err != nil {
		r.Close()
		return nil, exits.Fail(exits.Output, "", err)
	}
	r.close = append(r.close, unlock)
	return r.Close, nil
}

// TrainUNet trains a U-Net whose classes have prompts of a template, and writes what makes a pipeline of its folder:
// that wants an AutoencoderKL of diffusers, at vae or else in the folder. warn takes what may be wrong with prompts,
// say what was not written.
func TrainUNet(ctx context.Context, o train.Options, a *latent.Autoencoder, s train.UNetSettings, vae, template string,
	warn, say func(string)) error {
	classes := o.Data.ClassNames()
	prompts, warnings, err := prompt.Source{Template: template}.Prompts(classes)
	if err != nil {
		return exits.Fail(exits.Usage, "", err)
	}
	for _, w := range warnings {
		warn(w)
	}
	s.Prompts = map[string]string{}
	for i, class := range classes {
		s.Prompts[class] = prompts[i]
	}
	if err := train.TrainUNet(ctx, o, a, s); err != nil {
		return err
	}
	networks := model.Networks{Model: model.Disk(o.Out), Autoencoder: vae}
	at, err := networks.Find(model.Autoencoder)
	if err != nil {
		return exits.OfNetworks(networks, err)
	}
	whole, err := train.WritePipeline(o.Out, filepath.FromSlash(at.Path))
	if err == nil && !whole {
		say(fmt.Sprintf("no model_index.json is written, as %q is not a folder of diffusers' AutoencoderKL: mgd3 "+
			"reads %q, diffusers does not", at.Path, o.Out))
	}
	return err
}
