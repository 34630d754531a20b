// Package tiny makes models and image sets for tests: real formats and names, few numbers. The weights
// are random, so that the images mean nothing, but every part of the program runs as with real ones.
package tiny

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"path/filepath"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"

	"mgd3/dit"
	"mgd3/engine"
	"mgd3/features"
	"mgd3/internal/atomicfile"
	"mgd3/internal/wild"
	"mgd3/latent"
	"mgd3/rng"
	"mgd3/weights"
)

// Classes are those of the model and of the image sets.
var Classes = []string{"cat", "dog", "owl"}

// Size is the side of the model's images in pixels.
const Size = 16

const autoencoderConfig = `{"_class_name": "AutoencoderKL", "block_out_channels": [8, 8, 8], "layers_per_block": 1,
	"latent_channels": 4, "norm_num_groups": 4, "sample_size": 16, "scaling_factor": 0.5}`

const ditConfig = `{"input_size": 4, "patch_size": 2, "in_channels": 4, "hidden_size": 32, "depth": 2, "num_heads": 2,
	"num_classes": %d, "learn_sigma": true}`

// Model writes a model folder: autoencoder, dit and classes.txt. Seeds tell models apart.
func Model(dir string, seed uint64) error { return ModelOf(dir, seed, Classes) }

// ModelOf is [Model] of other classes.
func ModelOf(dir string, seed uint64, classes []string) error {
	ditConfig := fmt.Sprintf(ditConfig, len(classes))
	e, err := engine.Open("cpu")
	if err != nil {
		return err
	}
	defer e.Close()
	vae, errA := latent.ParseConfig([]byte(autoencoderConfig))
	net, errB := dit.ParseConfig([]byte(ditConfig))
	if err := errors.Join(errA, errB); err != nil {
		return err
	}
	vaeSpecs, errA := e.Declare(vae.Reconstruct, shapes.Make(latent.DType, 1, 3, Size, Size))
	netSpecs, errB := e.Declare(net.Func, shapes.Make(dit.TimeType, 1, 4, 4, 4), shapes.Make(dit.TimeType, 1), shapes.Make(dit.LabelType, 1))
	return errors.Join(errA, errB,
		folder(filepath.Join(dir, "autoencoder"), autoencoderConfig, vaeSpecs, seed, "diffusion_pytorch_model.safetensors"),
		folder(filepath.Join(dir, "dit"), ditConfig, netSpecs, seed, "model.safetensors"),
		file(filepath.Join(dir, "classes.txt"), strings.Join(classes, "\n")+"\n"))
}

// Features writes a folder with SqueezeNet and the heads of LPIPS, in full size.
func Features(dir string) error {
	e, err := engine.Open("cpu")
	if err != nil {
		return err
	}
	defer e.Close()
	image := shapes.Make(dtypes.Float32, 1, 3, 32, 32)
	specs, err := e.Declare(func(p engine.Params, in []*graph.Node) []*graph.Node {
		return []*graph.Node{features.LPIPS(p, in[0], in[1])}
	}, image, image)
	return errors.Join(err, folder(dir, "{}", specs, 1, "model.safetensors"))
}

// folder writes a network's folder with random weights.
func folder(dir, config string, specs []weights.Spec, seed uint64, name string) error {
	return errors.Join(file(filepath.Join(dir, "config.json"), config), wild.Write(filepath.Join(dir, name), wild.Random(specs, seed, 0.2)))
}

func file(path, text string) error {
	return atomicfile.Write(path, func(w io.Writer) error { _, err := io.WriteString(w, text); return err })
}

// Images writes n images of each class below dir/train: gradients of the class's colour with noise.
func Images(dir string, n int) error {
	for c, class := range Classes {
		for i := range n {
			r := rng.Stream(1, "image", uint64(c), uint64(i))
			im := image.NewNRGBA(image.Rect(0, 0, Size+i%3, Size+i%5))
			for y := range im.Rect.Dy() {
				for x := range im.Rect.Dx() {
					p := [3]int{20 * y / 2, 10 * x, 60 * (i % 4)}
					p[c] += 80
					shade := func(v int) uint8 { return uint8(min(255, v+r.IntN(20))) }
					im.SetNRGBA(x, y, color.NRGBA{shade(p[0]), shade(p[1]), shade(p[2]), 0xff})
				}
			}
			path := filepath.Join(dir, "train", class, fmt.Sprintf("%03d.png", i))
			if err := atomicfile.Write(path, func(w io.Writer) error { return png.Encode(w, im) }); err != nil {
				return err
			}
		}
	}
	return nil
}
