package latent_test

import (
	"context"
	"fmt"
	"math"

	"mgd3/dataset"
	"mgd3/engine"
	"mgd3/glyphs"
	"mgd3/glyphs/model"
	"mgd3/latent"
)

// Encode an image and decode it again. The autoencoder is the one inside the program; latent.Open reads yours.
func Example() {
	e, err := engine.Open("cpu")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer e.Close()
	autoencoder, err := latent.OpenFS(context.Background(), e, model.Files, "autoencoder")
	if err != nil {
		fmt.Println(err)
		return
	}
	image, err := letterA()
	if err != nil {
		fmt.Println(err)
		return
	}
	shape, err := autoencoder.LatentShape(glyphs.Size)
	if err != nil {
		fmt.Println(err)
		return
	}
	latents := make([]float32, shape[0]*shape[1]*shape[2]) // of one image; a batch is one longer slice
	if err := autoencoder.EncodeMean(latents, image, glyphs.Size); err != nil {
		fmt.Println(err)
		return
	}
	again := make([]float32, len(image))
	if err := autoencoder.DecodeTo(again, latents, glyphs.Size); err != nil {
		fmt.Println(err)
		return
	}
	difference := 0.0
	for i := range image {
		difference += math.Abs(float64(image[i] - again[i]))
	}
	fmt.Println("latent", shape)
	fmt.Println("within a twentieth of the range:", difference/float64(len(image)) < 2.0/20)
	// Output:
	// latent [4 8 8]
	// within a twentieth of the range: true
}

// letterA returns the first image of the letter A as a tensor [3, 32, 32] in [-1, 1].
func letterA() ([]float32, error) {
	set, err := glyphs.Open("test", glyphs.Options{PerClass: 100})
	if err != nil {
		return nil, err
	}
	file, err := set.Read(set.Classes[0].Images[0])
	if err != nil {
		return nil, err
	}
	im, err := dataset.Decode(file)
	if err != nil {
		return nil, err
	}
	tensor := make([]float32, 3*im.W*im.H)
	dataset.ToTensor(tensor, im)
	return tensor, nil
}
