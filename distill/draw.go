package distill

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"mgd3/dataset"
	"mgd3/diffusion"
	"mgd3/engine"
	"mgd3/rng"
	"mgd3/stage/atomicfile"
	"mgd3/stage/lease"
	"mgd3/weights"
)

// drawn is a batch of images that are not written yet.
type drawn struct {
	images  []image
	keys    []string
	latents []float32 // of the images and of what fills the batch up
	pixels  []float32
}

// draw samples and decodes images, in graphs of so many rows.
func (s *sampling) draw(ctx context.Context, wanted []image, rows int) (*drawn, error) {
	images := engine.Fill(wanted, rows)
	shape := [3]int(s.record.Modes.Latents.Shape)
	batch := diffusion.Batch{Dims: shape, Plain: stepper(s.plain), Noise: func(i, step int, dst []float32) {
		// Step -1 is the start, so the stream's last id counts from 0.
		im := images[i]
		rng.Normals(rng.Stream(s.record.Settings.Seed, "noise", rng.Hash(im.class), uint64(im.index),
			uint64(step+1)), dst)
	}}
	made := &drawn{images: wanted, keys: make([]string, len(images))}
	for i, im := range images {
		modes, err := s.record.Modes.read(s.run.Out, im.class)
		if err != nil {
			return nil, err
		}
		made.keys[i] = s.record.key(im, modes.Key)
		batch.Labels = append(batch.Labels, im.label)
		batch.Modes = append(batch.Modes, modes.Centres.Row(im.index)...)
	}
	var err error
	made.latents, err = s.sampler.Run(ctx, stepper(s.step), batch)
	if bad := (*diffusion.NotFiniteError)(nil); errors.As(err, &bad) {
		return nil, fmt.Errorf("%v: %w", images[bad.Image], err)
	}
	if err != nil {
		return nil, err
	}
	size := s.record.Modes.Latents.Settings.Size
	made.pixels = make([]float32, len(images)*3*size*size)
	return made, s.run.Autoencoder.DecodeTo(made.pixels, made.latents, size)
}

// write writes the images of a batch, in their order, unless they have become another worker's.
func (s *sampling) write(ctx context.Context, made *drawn) error {
	size, rows := s.record.Modes.Latents.Settings.Size, len(made.keys)
	n, d := len(made.pixels)/rows, len(made.latents)/rows
	for i, im := range made.images {
		if err := lease.Check(ctx); err != nil {
			return err
		}
		pixels := dataset.FromTensor(made.pixels[i*n:(i+1)*n], size, size)
		if err := s.writeImage(im, made.keys[i], made.latents[i*d:(i+1)*d], pixels); err != nil {
			return fmt.Errorf("%v: %w", im, err)
		}
	}
	return nil
}

// writeImage puts the image into its place and then its latent, whose file says that both are there.
func (s *sampling) writeImage(im image, key string, latent []float32, pixels *dataset.RGB) error {
	var png bytes.Buffer
	if err := dataset.WritePNG(&png, pixels); err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(im.png(s.run.Out), png.Bytes()); err != nil {
		return err
	}
	tensor := weights.F32("latent", s.record.Modes.Latents.Shape, latent)
	about := map[string]string{"key": key, "image": digest(png.Bytes())}
	if machine := s.run.Engine.Machine(); machine != "" {
		about["device"] = machine
	}
	return atomicfile.Write(im.latent(s.run.Out), func(w io.Writer) error {
		return weights.WriteSealedTensors(w, []weights.Tensor{tensor}, about)
	})
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
