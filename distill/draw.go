package distill

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

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
	kept    []kept
	latents []float32
	pixels  []float32
}

// kept is the candidate that was chosen for an image, where there are several.
type kept struct {
	seed  uint64
	taken bool // for another class by the teacher, as were all others
}

// about says so in an image's file.
func (k kept) about(to map[string]string) {
	to["seed"] = strconv.FormatUint(k.seed, 10)
	if k.taken {
		to["taken"] = "for another class"
	}
}

// draw samples and decodes images, in graphs of so many rows; of each it keeps the candidate that is chosen.
func (s *sampling) draw(ctx context.Context, wanted []image, rows int) (*drawn, error) {
	shape := [3]int(s.record.Modes.Latents.Shape)
	batch := diffusion.Batch{Dims: shape, Plain: stepper(s.plain), Rows: rows, Watch: s.watch}
	made := &drawn{images: wanted, keys: make([]string, len(wanted)), kept: make([]kept, len(wanted))}
	sampler := s.sampler
	for i, im := range wanted {
		modes, err := s.record.Modes.read(s.run.Out, im.class)
		if err != nil {
			return nil, err
		}
		if s.whole() && i == 0 {
			batch.Class = &diffusion.Class{Centres: modes.Centres.Data}
			for _, n := range modes.Sizes {
				batch.Class.Sizes = append(batch.Class.Sizes, float64(n))
			}
			if sampler, err = s.samplerOf(modes); err != nil {
				return nil, err
			}
		}
		made.keys[i] = s.record.key(im, modes.Key)
		batch.Labels = append(batch.Labels, im.label)
		batch.Modes = append(batch.Modes, modes.Centres.Row(im.index)...)
	}
	n := len(batch.Modes) / len(wanted)
	var best []float64
	for c := range s.record.Settings.candidates() {
		seed := s.record.Settings.seedOf(c)
		latents, err := s.latents(ctx, sampler, batch, wanted, seed)
		if err != nil {
			return nil, err
		}
		if s.record.Settings.candidates() == 1 {
			made.latents = latents
			break
		}
		scores, err := s.scores(ctx, wanted, batch, latents, rows)
		if err != nil {
			return nil, err
		}
		if c == 0 {
			made.latents, best = latents, scores
		}
		for i, score := range scores {
			if c == 0 || score > best[i] {
				best[i], made.kept[i] = score, kept{seed, s.record.Settings.Choose.taken(score)}
				copy(made.latents[i*n:(i+1)*n], latents[i*n:(i+1)*n])
			}
		}
	}
	var err error
	made.pixels, err = s.decode(ctx, made.latents, len(wanted), rows)
	return made, err
}

// latents samples the images of a batch by one seed.
func (s *sampling) latents(ctx context.Context, sampler *diffusion.Sampler, batch diffusion.Batch, images []image,
	seed uint64) ([]float32, error) {
	batch.Noise = func(i, step int, dst []float32) {
		// Step -1 is the start, so the stream's last id counts from 0.
		im := images[i]
		rng.Normals(rng.Stream(seed, "noise", rng.Hash(im.class), uint64(im.index), uint64(step+1)), dst)
	}
	batch.Cloud = func(i, step int, dst, radii []float32) {
		im := images[i]
		r := rng.Stream(seed, "cloud", rng.Hash(im.class), uint64(im.index), uint64(step))
		rng.Normals(r, dst)
		for l := range radii {
			radii[l] = r.Float32()
		}
	}
	batch.Mixed = s.mixed(images, seed)
	latents, err := sampler.Run(ctx, stepper(s.step), batch)
	if bad := (*diffusion.NotFiniteError)(nil); errors.As(err, &bad) {
		return nil, fmt.Errorf("%v: %w", images[bad.Image], err)
	}
	return latents, err
}

// decode returns the pixels of n latents, by graphs of so many rows.
func (s *sampling) decode(ctx context.Context, latents []float32, n, rows int) ([]float32, error) {
	size := s.record.Modes.Latents.Settings.Size
	pixels, d := make([]float32, n*3*size*size), len(latents)/n
	for lo := 0; lo < n; lo += rows {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		hi := min(n, lo+rows)
		at := engine.Fill(rowsOf(latents[lo*d:hi*d], d), rows)
		out := make([]float32, rows*3*size*size)
		if err := s.run.Autoencoder.DecodeTo(out, slices.Concat(at...), size); err != nil {
			return nil, err
		}
		copy(pixels[lo*3*size*size:hi*3*size*size], out)
	}
	return pixels, nil
}

// rowsOf cuts data into rows of d numbers.
func rowsOf(data []float32, d int) (rows [][]float32) {
	for row := range slices.Chunk(data, d) {
		rows = append(rows, row)
	}
	return rows
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
		if err := s.writeImage(im, made.keys[i], made.kept[i], made.latents[i*d:(i+1)*d], pixels); err != nil {
			return fmt.Errorf("%v: %w", im, err)
		}
	}
	return nil
}

// writeImage puts the image and its latent into their place.
func (s *sampling) writeImage(im image, key string, chosen kept, latent []float32,
	pixels *dataset.RGB) error {
	var png bytes.Buffer
	if err := dataset.WritePNG(&png, pixels); err != nil {
		return err
	}
	about := map[string]string{"key": key, "image": digest(png.Bytes())}
	if s.record.Settings.candidates() > 1 {
		chosen.about(about)
	}
	if machine := s.run.Engine.Machine(); machine != "" {
		about["device"] = machine
	}
	return im.put(s.dir, png.Bytes(), weights.F32("latent", s.record.Modes.Latents.Shape, latent), about)
}

// put writes the image below dir and then its latent, whose file says that both are there.
func (im image) put(dir string, png []byte, tensor weights.Tensor, about map[string]string) error {
	if err := atomicfile.WriteBytes(im.png(dir), png); err != nil {
		return err
	}
	return atomicfile.Write(im.latent(dir), func(w io.Writer) error {
		return weights.WriteSealedTensors(w, []weights.Tensor{tensor}, about)
	})
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
