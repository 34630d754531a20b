package convert

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"mgd3/dit"
	"mgd3/unet"
	"mgd3/weights"
)

// renamed returns the tensors under the names asked for.
func (o Options) renamed(file *weights.File) (set *weights.Set, err error) {
	// Package weights translates the names that it knows; the sign tells whether the input was of
	// the kind at all. The name is that after the translation.
	sign := "x_embedder.proj.weight" // a tensor that all of the kind have
	switch o.Names {
	case AsTheyAre:
		return weights.AsIs(file), nil
	case Autoencoder:
		sign = "decoder.conv_in.weight"
		set, err = weights.Autoencoder(file)
	case UNet:
		sign = "down_blocks.0.resnets.0.conv1.weight"
		set, err = weights.UNet(file)
	default:
		set, err = weights.DiT(file)
	}
	if err != nil {
		return nil, err
	}
	if _, ok := set.Shape(sign); !ok {
		return nil, fmt.Errorf("%s: %w: --to %s wants a model with a tensor %q, under its own name or that of "+
			"other programs", o.In, weights.ErrMismatch, o.Names, sign)
	}
	if o.Names == Diffusers {
		return weights.ToDiffusers(set)
	}
	return set, nil
}

// config adds the config.json that belongs to the names of the tensors, if it is known.
func (o Options) config(files map[string][]byte) error {
	switch o.Names {
	case DiT, Diffusers:
		// The config.json of a DiT is made anew, since each program has its own fields; that of a U-Net, and below that
		// of an autoencoder, is diffusers' in any case.
		c, err := dit.ConfigFS(weights.Disk, filepath.ToSlash(o.In))
		if err != nil {
			return err
		}
		if o.Names == Diffusers {
			files[weights.ConfigFile], err = c.DiffusersJSON()
		} else {
			files[weights.ConfigFile], err = json.MarshalIndent(c, "", "  ")
		}
		return err
	}
	if o.Names == UNet {
		c, err := unet.ConfigFS(weights.Disk, filepath.ToSlash(o.In))
		if err == nil {
			files[weights.ConfigFile], err = c.JSON()
		}
		return err
	}
	// a section names a part of one file, as in FILE.ckpt#vae
	dir, _ := weights.SplitSection(weights.Disk, o.In)
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		dir = filepath.Dir(dir)
	}
	text, err := weights.ReadText(weights.Disk, filepath.Join(dir, weights.ConfigFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	files[weights.ConfigFile] = text
	return err
}
