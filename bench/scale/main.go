// Scale tries an ImageNet-sized run without an ImageNet or a GPU, and prints what each stage costs; docs/scale.md has
// its figures and what follows from them.
//
// Two halves. The bookkeeping is the real program over 1,000 classes with a network so small that listing, keys,
// caches, journals, files and the manifest are what takes the time; with half the classes it must take half as long.
// The numbers are those of real size, 1,300 latents of 4×32×32 of a class from a generator: written to the cache,
// read back, clustered.
//
//	go run ./bench/scale --dir TMP
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"mgd3/dataset"
	"mgd3/diffusion"
	"mgd3/distill"
	"mgd3/dit"
	"mgd3/encode"
	"mgd3/engine"
	"mgd3/internal/fixtures"
	"mgd3/latent"
	"mgd3/modes"
	"mgd3/rng"
	"mgd3/stage"
)

func main() {
	dir := flag.String("dir", "", "work in a new folder below `DIR`")
	images := flag.Int("images", 130, "real images of a class in the bookkeeping half")
	ipc := flag.Int("ipc", 5, "synthetic images of a class in it")
	flag.Parse()
	if err := run(context.Background(), *dir, *images, *ipc); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string, images, ipc int) error {
	dir, err := os.MkdirTemp(dir, "scale")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Printf("| classes | images | listing | encode | modes | sample | manifest | memory, MiB " +
		"|\n|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, classes := range []int{250, 500, 1000} {
		if err := bookkeeping(ctx, filepath.Join(dir, fmt.Sprint(classes)), classes, images, ipc); err != nil {
			return err
		}
	}
	fmt.Println()
	return numbers(ctx, dir)
}

// bookkeeping runs the program over classes of one image each that comes n times.
func bookkeeping(ctx context.Context, dir string, classes, n, ipc int) error {
	names, err := dataset.NamedClasses("imagenet1k")
	if err != nil {
		return err
	}
	start := time.Now()
	set, err := drawn(names[:classes], n)
	if err != nil {
		return err
	}
	row := fmt.Sprintf("| %d | %d | %s |", classes, classes*n, since(start))
	r, done, err := prepare(ctx, dir, names)
	if err != nil {
		return err
	}
	defer done()
	r.Data, r.Out, r.Settings.Modes.IPC = set, filepath.Join(dir, "out"), ipc
	for _, stage := range []func(context.Context) error{
		r.Encode, r.Discover, r.Sample,
		func(context.Context) error { _, err := distill.Finish(r.Out); return err },
	} {
		start := time.Now()
		if err := stage(ctx); err != nil {
			return err
		}
		row += fmt.Sprintf(" %s |", since(start))
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Printf("%s %d |\n", row, m.Sys>>20)
	return nil
}

// drawn is a set of n images of each class: always the same file.
func drawn(names []string, n int) (*dataset.Set, error) {
	var file bytes.Buffer
	if err := png.Encode(&file, image.NewNRGBA(image.Rect(0, 0, fixtures.Size, fixtures.Size))); err != nil {
		return nil, err
	}
	var classes []dataset.Class
	for _, name := range names {
		class := dataset.Class{Name: name}
		for i := range n {
			class.Images = append(class.Images, dataset.Ref{Class: name, Name: fmt.Sprintf("%s_%d.JPEG", name, i)})
		}
		classes = append(classes, class)
	}
	return dataset.FromFunc("drawn", classes, func(dataset.Ref) ([]byte, error) { return file.Bytes(), nil }), nil
}

// prepare returns a run with a tiny network of the given classes.
func prepare(ctx context.Context, dir string, classes []string) (*distill.Run, func(), error) {
	model := filepath.Join(dir, "model")
	if err := fixtures.ModelOf(model, 1, classes); err != nil {
		return nil, nil, err
	}
	e, err := engine.Open("cpu")
	if err != nil {
		return nil, nil, err
	}
	vae, errA := latent.Open(ctx, e, filepath.Join(model, "autoencoder"))
	net, errB := dit.Open(ctx, e, filepath.Join(model, "dit"))
	sample, errC := diffusion.Published(diffusion.DDPM)
	sample.Respacing, sample.Stop = "4", 1
	return &distill.Run{
		Settings: distill.Settings{
			Encode: encode.Settings{Size: fixtures.Size, Crop: encode.CropADM},
			Modes:  distill.ModeSettings{Method: modes.KMeans, Short: modes.ShortRepeat},
			Sample: distill.SampleSettings{Settings: sample},
		},
		Shard: stage.Whole, Batch: 64, Engine: e, Autoencoder: vae, Denoiser: net, ClassNames: classes,
	}, e.Close, errors.Join(errA, errB, errC)
}

// numbers does one class at real size: 1,300 latents, 50 modes.
func numbers(ctx context.Context, dir string) error {
	const n, d, k = 1300, 4 * 32 * 32, 50
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("n01440764_%d.JPEG", i)
	}
	path := filepath.Join(dir, "n01440764.safetensors")
	start := time.Now()
	w, err := latent.NewWriter(path, "key", names, []int{4, 32, 32})
	if err != nil {
		return err
	}
	row, centre := make([]float32, d), make([]float32, d)
	var drawing time.Duration
	for i := range n {
		now := time.Now()
		rng.Normals(rng.Stream(1, "centre", uint64(i%k)), centre)
		rng.Normals(rng.Stream(1, "latent", uint64(i)), row)
		for j := range row {
			row[j] += centre[j]
		}
		drawing += time.Since(now)
		if err := w.Add(row); err != nil {
			return err
		}
	}
	if err := w.Finish(); err != nil {
		return err
	}
	writing := time.Since(start) - drawing
	start = time.Now()
	class, err := latent.OpenClass(path)
	if err != nil {
		return err
	}
	x, err := class.Matrix()
	if err != nil {
		return err
	}
	reading := time.Since(start)
	start = time.Now()
	runtime.GC()
	_, err = modes.Discover(ctx, x, k, modes.Options{Method: modes.KMeans}, rng.Stream(0, "modes", 1))
	if err != nil {
		return err
	}
	fmt.Printf("one class, %d latents of %d numbers: written in %v, read in %v, %d modes in %v\n",
		n, d, writing.Round(time.Millisecond), reading.Round(time.Millisecond), k,
		time.Since(start).Round(time.Millisecond))
	return class.Close()
}

func since(start time.Time) string { return fmt.Sprintf("%.2f s", time.Since(start).Seconds()) }
