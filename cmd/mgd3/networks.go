package main

import (
	"errors"
	"fmt"

	embedded "mgd3/glyphs/model"
	"mgd3/model"
	"mgd3/sets"
)

// modelFolder returns the folder that --model names: glyphs is the model in the program, a folder of that
// name is ./glyphs.
func modelFolder(name string) model.Folder {
	switch name {
	case "":
		return model.Folder{}
	case sets.Glyphs:
		return model.Folder{FS: embedded.Files, Path: "."}
	}
	return model.Disk(name)
}

// networks returns where the flags say that the networks are.
func (n *networkFlags) networks() model.Networks {
	return model.Networks{Model: modelFolder(n.model), Autoencoder: n.vae, Denoiser: n.dit, Prediction: n.prediction}
}

// networkFailure gives an error of networks its exit code, and names the flag that finds them.
func networkFailure(n model.Networks, err error) error {
	var missing *model.NotFound
	if !errors.As(err, &missing) {
		return fail(exitModel, "", err)
	}
	flag := map[model.Part]string{model.Autoencoder: "--vae", model.Denoiser: "--dit"}[missing.Part]
	switch missing.Err {
	case model.ErrUnnamed:
		return fail(exitUsage, `"mgd3 pull" fetches published networks, "mgd3 train" makes your own, --model glyphs `+
			`is `+
			`in the program; docs/models.md has more`, fmt.Errorf("missing --model, or %s", flag))
	case model.ErrOneFile:
		return fail(exitUsage, flag+" names the other network",
			fmt.Errorf("%q is one file: missing %s", n.Model.Path, flag))
	case model.ErrNoFolder:
		return fail(exitModel, flag+" names its folder if it is elsewhere", err)
	}
	return fail(exitModel, flag+" names the folder of the network if it is elsewhere", missing.Err)
}
