// Package model finds and opens the networks of a model folder: the autoencoder, the denoiser of its latents, and the
// names of the classes that the denoiser knows.
//
//	MODEL/autoencoder, vae, vqvae  latent.OpenFS     of mgd3 train, or of diffusers
//	MODEL/dit or transformer       dit.OpenFS        of mgd3 train, or of diffusers
//	MODEL/unet                     sd.OpenFS         of diffusers; text_encoder, tokenizer, scheduler beside it, or
//	                                                 class_embedder, the table of the classes it is told
//	MODEL/classes.txt              a class a line    in the order of the denoiser's labels; or else id2label of
//	MODEL/model_index.json         DiTPipeline       a pipeline of diffusers
//
// A model may also be one file: the checkpoint of a whole latent diffusion model, or the denoiser's weights, and the
// autoencoder is elsewhere then. A folder is on disk, or in
// any other [fs.FS], such as the one that is embedded in the program (glyphs/model).
package model

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"mgd3/engine"
	"mgd3/latent"
	"mgd3/weights"
)

// Part is one of the networks of a model.
type Part string

const (
	Autoencoder Part = "autoencoder"
	Denoiser    Part = "denoiser"
)

// folders are the names that the folder of a network has below its model's, the first one first.
var folders = map[Part][]string{
	Autoencoder: {"autoencoder", "vae", "vqvae"},
	Denoiser:    {"dit", "transformer", "unet"},
}

var (
	// ErrUnnamed says that neither a network's path nor a model is given.
	ErrUnnamed = errors.New("neither the network nor a model is named")
	// ErrOneFile says that the model is one file, the denoiser's, and the path of the autoencoder is not given.
	ErrOneFile = errors.New("the model is one file, of the denoiser")
	// ErrDiT says that the denoiser is a DiT.
	ErrDiT = errors.New("the denoiser is a DiT")
	// ErrSize says that no file tells what images the denoiser was made for.
	ErrSize = errors.New("no file says what size of images it was made for")
	// ErrNoFolder says that a model's folder has none of the folders that a network is in.
	ErrNoFolder = errors.New("no such network in the model's folder")
)

// NotFound is the error where a network is not found: Err is [ErrUnnamed], [ErrOneFile], [ErrNoFolder], or what the
// file system says of the model's path.
type NotFound struct {
	Part Part
	Err  error
	text string
}

func (e *NotFound) Error() string { return e.text }

func (e *NotFound) Unwrap() error { return e.Err }

// Networks says where the networks of a model are.
type Networks struct {
	// the folder of both, the checkpoint of a whole model, or the denoiser's file; the zero Folder if there is none
	Model       Folder
	Autoencoder string // path on disk in place of the one below Model; "" is that one
	Denoiser    string // the same of the denoiser

	// Prompts returns what a text-to-image model is told of classes, by the names of their folders.
	Prompts    func(classes []string) ([]string, error)
	Prediction string // of a denoiser whose files do not say it: epsilon or v; "" is what is usual
}

// Find returns where a network is: what is given for it, or the first of its folders below the model's. What is given
// may have such a folder below it too, as a pipeline does. The error is a [*NotFound], or what
// is wrong with one file that is no denoiser, where the autoencoder is looked for.
func (n Networks) Find(part Part) (Folder, error) {
	given := n.Autoencoder
	if part == Denoiser {
		given = n.Denoiser
	}
	if given != "" {
		f := Disk(given)
		if sub, ok := f.below(part); ok {
			return sub, nil
		}
		return f, nil
	}
	if n.Model.Path == "" {
		return Folder{}, &NotFound{part, ErrUnnamed, fmt.Sprintf("%s: %v", part, ErrUnnamed)}
	}
	if sub, ok := n.Model.below(part); ok {
		return sub, nil
	}
	file, _ := weights.SplitSection(n.Model.FS, n.Model.Path)
	if info, err := fs.Stat(n.Model.FS, file); err == nil && !info.IsDir() {
		if part == Denoiser || n.Model.isWhole() {
			return n.Model, nil
		}
		if err := n.Model.checkFile(); err != nil {
			return Folder{}, err
		}
		return Folder{}, &NotFound{part, ErrOneFile,
			fmt.Sprintf("%q is one file, want the %s besides", n.Model.Path, part)}
	}
	if _, err := fs.Stat(n.Model.FS, n.Model.Path); err != nil {
		return Folder{}, &NotFound{part, err, err.Error()}
	}
	return Folder{}, &NotFound{part, ErrNoFolder,
		fmt.Sprintf("%q: has no folder %s", n.Model.Path, strings.Join(folders[part], " or "))}
}

// OpenAutoencoder opens the autoencoder for an engine.
func (n Networks) OpenAutoencoder(ctx context.Context, e *engine.Engine) (*latent.Autoencoder, error) {
	f, err := n.Find(Autoencoder)
	if err != nil {
		return nil, err
	}
	return latent.OpenFS(ctx, e, f.FS, f.Path)
}

// ClassNames returns what the model calls the classes, in the order of the denoiser's labels: the lines of its
// classes.txt, or else what its pipeline says. They are nil if neither is there. A pipeline that is not one of a DiT is
// a [dit.ErrPipeline] in any case.
func (n Networks) ClassNames() ([]string, error) {
	f, err := n.Find(Denoiser)
	if err != nil {
		return nil, err
	}
	labels, err := f.labels()
	if err != nil {
		return nil, err
	}
	if n.Model.Path == "" {
		return labels, nil
	}
	names, err := n.Model.lines(classesFile)
	if names == nil {
		names = labels
	}
	return names, err
}

const classesFile = "classes.txt"

// Unheeded names the lists of labels beside a denoiser that is told prompts, and has no labels: classes.txt in the
// model's folder, and id2label in its model_index.json.
func (n Networks) Unheeded() (lists []string, err error) {
	if n.Model.Path == "" || !n.IsPrompted() {
		return nil, nil
	}
	names, err := n.Model.lines(classesFile)
	if err != nil {
		return nil, err
	}
	if names != nil {
		lists = append(lists, classesFile)
	}
	var index struct {
		Labels map[string]any `json:"id2label"`
	}
	if n.Model.IsPipeline() {
		_, err = weights.ReadJSON(n.Model.FS, path.Join(n.Model.Path, indexFile), &index)
	}
	if len(index.Labels) > 0 {
		lists = append(lists, "id2label of "+indexFile)
	}
	return lists, err
}
