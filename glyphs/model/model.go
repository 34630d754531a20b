// Package model is the model of the glyphs, inside the program: an autoencoder and a denoiser trained on
// the train split alone, in half precision. docs/glyphs.md has the recipe.
//
//	autoencoder/   config.json, weights, training.json    images [3, 32, 32] ↔ latents
//	dit/           the same                               the denoiser
//	classes.txt    A … J, in the order of the labels
package model

import (
	"embed"
	"io/fs"
)

//go:embed files
var files embed.FS

// Files is the model's folder, for latent.OpenFS and dit.OpenFS.
var Files fs.FS = folder()

func folder() fs.FS {
	sub, err := fs.Sub(files, "files")
	if err != nil {
		panic(err) // of an invalid name alone
	}
	return sub
}
