// Realsize writes a model folder with the published shapes and random weights: DiT-XL/2 and the autoencoder of Stable
// Diffusion, by default. Its images mean nothing; loading, memory and time are those of the real one.
//
//	go run ./bench/realsize --out xl                              # 675 M + 84 M parameters, 3.0 GB
//	go run ./bench/realsize --out xl-half --half                  # in half precision, 1.5 GB
//	go run ./bench/realsize --out sd15 --model sd15               # Stable Diffusion 1.5, 4.3 GB; sd21, 5.2 GB
//	go run ./bench/realsize --out sdxl-half --model sdxl --half   # SDXL, 6.9 GB
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/gomlx/compute/shapes"

	"mgd3/dit"
	"mgd3/engine"
	"mgd3/latent"
	"mgd3/rng"
	"mgd3/stage/atomicfile"
	"mgd3/weights"
)

func main() {
	out := flag.String("out", "", "write the model to `DIR`")
	name := flag.String("model", "dit-xl2", "dit-xl2, sd15, sd21 or sdxl")
	size := flag.Int("size", 256, "side of the images in `PIXELS`, of dit-xl2")
	half := flag.Bool("half", false, "store float16")
	flag.Parse()
	if err := write(*out, *name, *size, *half); err != nil {
		fmt.Fprintln(os.Stderr, "realsize:", err)
		os.Exit(1)
	}
}

// autoencoder has the layout of Stable Diffusion's.
var autoencoder = latent.Config{
	BlockOutChannels: []int{128, 256, 512, 512}, LayersPerBlock: 2, LatentChannels: 4, Groups: 32,
	ScalingFactor: 0.18215,
}

func write(out, name string, size int, half bool) error {
	if out == "" {
		return errors.New("missing --out")
	}
	e, err := engine.Open("cpu")
	if err != nil {
		return err
	}
	defer e.Close()
	if name != "dit-xl2" {
		return textToImage(e, out, name, half)
	}
	side := size / autoencoder.Downsampling()
	net := dit.Config{InputSize: side, Patch: 2, Channels: 4, Hidden: 1152, Depth: 28, Heads: 16, Classes: 1000,
		LearnSigma: true}
	config, errA := json.Marshal(net)
	specs, errB := e.Declare(net.Func, shapes.Make(dit.TimeType, 1, 4, side, side), shapes.Make(dit.TimeType, 1),
		shapes.Make(dit.LabelType, 1))
	return errors.Join(errA, errB,
		folder(filepath.Join(out, "dit"), "model.safetensors", config, specs, half),
		writeAutoencoder(e, filepath.Join(out, "autoencoder"), "model.safetensors", autoencoder, half))
}

func writeAutoencoder(e *engine.Engine, dir, file string, c latent.Config, half bool) error {
	config, errA := c.JSON()
	specs, errB := e.Declare(c.Reconstruct, shapes.Make(latent.DType, 1, 3, 64, 64))
	return errors.Join(errA, errB, folder(dir, file, config, specs, half))
}

func folder(dir, file string, config []byte, specs []weights.Spec, half bool) error {
	var layout []weights.Tensor
	for _, spec := range specs {
		t := weights.Tensor{Name: spec.Name, DType: "F32", Shape: spec.Shape}
		if half {
			t.DType = "F16"
		}
		layout = append(layout, t)
	}
	return errors.Join(
		atomicfile.WriteBytes(filepath.Join(dir, "config.json"), config),
		atomicfile.Write(filepath.Join(dir, file), func(w io.Writer) error { return random(w, layout) }))
}

// random writes the elements: normal, of deviation 1/√(inputs), the same few over and over.
func random(w io.Writer, layout []weights.Tensor) error {
	out, err := weights.NewWriter(w, layout, nil)
	if err != nil {
		return err
	}
	normals := make([]float32, 1<<16)
	rng.Normals(rng.Stream(1, "weights"), normals)
	for _, t := range layout {
		count, inputs := 1, 1
		for i, d := range t.Shape {
			count *= d
			if i > 0 {
				inputs *= d
			}
		}
		scale := float32(1 / math.Sqrt(float64(inputs)))
		for at := 0; at < count; at += len(normals) {
			piece := make([]float32, min(len(normals), count-at))
			for i := range piece {
				piece[i] = normals[i] * scale
			}
			tensor := weights.F32("", []int{len(piece)}, piece)
			if t.DType == "F16" {
				tensor = weights.F16("", []int{len(piece)}, piece)
			}
			if _, err := out.Write(tensor.Bytes()); err != nil {
				return err
			}
		}
	}
	return out.Close()
}
