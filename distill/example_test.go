package distill_test

import (
	"context"
	"fmt"
	"os"

	"mgd3/diffusion"
	"mgd3/distill"
	"mgd3/dit"
	"mgd3/encode"
	"mgd3/engine"
	"mgd3/glyphs"
	"mgd3/glyphs/model"
	"mgd3/latent"
	"mgd3/modes"
	"mgd3/stage"
)

// Distil a set from a program: ten letters, twenty real images each, to one synthetic image each. Images and model are
// those inside the program; dataset.Open, latent.Open and dit.Open take yours.
func ExampleRun_Do() {
	if err := distilLetters(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 10 classes, the first is "A", its image "images/A/0000.png"
	// faults: []
}

func distilLetters() error {
	ctx := context.Background()
	out, err := os.MkdirTemp("", "letters")
	if err != nil {
		return err
	}
	defer os.RemoveAll(out)
	e, err := engine.Open("cpu")
	if err != nil {
		return err
	}
	defer e.Close()
	autoencoder, err := latent.OpenFS(ctx, e, model.Files, "autoencoder")
	if err != nil {
		return err
	}
	denoiser, err := dit.OpenFS(ctx, e, model.Files, "dit")
	if err != nil {
		return err
	}
	letters, err := glyphs.Open("train", glyphs.Options{PerClass: 20})
	if err != nil {
		return err
	}
	sampling, err := diffusion.Published(diffusion.DDPM)
	if err != nil {
		return err
	}
	sampling.Respacing, sampling.Stop = "4", 2 // of 50 and 25, to be quick
	run := distill.Run{
		Settings: distill.Settings{
			Encode: encode.Settings{Split: "train", Size: glyphs.Size, Crop: encode.CropADM},
			Modes:  distill.ModeSettings{IPC: 1, Method: modes.KMeans, Short: modes.ShortError},
			Sample: distill.SampleSettings{Settings: sampling},
		},
		Out: out, Shard: stage.Whole, Engine: e, Autoencoder: autoencoder, Denoiser: denoiser, Data: letters,
		ClassNames: letters.ClassNames(),
	}
	manifest, err := run.Do(ctx)
	if err != nil {
		return err
	}
	first := manifest.Classes[0]
	fmt.Printf("%d classes, the first is %q, its image %q\n", len(manifest.Classes), first.Name, first.Images[0].File)
	faults, _, err := distill.Verify(ctx, out)
	fmt.Println("faults:", faults)
	return err
}
