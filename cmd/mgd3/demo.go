package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"mgd3/baseline"
	"mgd3/compare"
	"mgd3/encode"
	"mgd3/glyphs"
	"mgd3/internal/cli"
	"mgd3/report"
	"mgd3/stage/atomicfile"
)

// demoOptions are the flags of demo.
type demoOptions struct {
	run          options
	letters      string
	ipc          int
	images, test int // of a class
	epochs       int
}

// demoMethods are those that demo compares.
var demoMethods = []baseline.Method{baseline.MGD3, baseline.Unguided, baseline.Random}

func (e *env) demoCmd() *cobra.Command {
	o := demoOptions{run: options{networks: &networkFlags{}, modes: &modeFlags{}, sampling: &samplingFlags{}}}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show it all in two minutes, with images and a model that are in the program",
		Long: `Distils the glyphs, letters of free typefaces drawn by the program (see "mgd3 glyphs"), into a few
images per class with the model that is in the program. Beside the set it makes two of the same
size: by the diffusion model alone, without modes (unguided), and of real images drawn by chance
(random). It trains a small network on each of the three and tests it on letters of typefaces that
nothing has seen. It writes DIR/report.html, DIR/sheet.png and DIR/result.json, and prints the table. The same command
goes on from where it was stopped.

One training on each set shows how it goes, not which set is best: "mgd3 compare" repeats them.`,
		Example: `  mgd3 demo
  mgd3 demo --ipc 20 --out twenty`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return e.demo(cmd.Context(), &o) },
	}
	f := cmd.Flags()
	o.run.flags = f
	f.StringVarP(&o.run.run.out, "out", "o", "mgd3-demo", "output `DIR`")
	f.StringVar(&o.letters, "letters", glyphs.Letters, "the classes")
	f.IntVar(&o.ipc, "ipc", 10, "images per class of the small sets")
	f.IntVar(&o.images, "images", 1000, "real images per class, to find the modes among")
	f.IntVar(&o.test, "test-images", 200, "images per class to test on")
	f.IntVar(&o.epochs, "epochs", 100,
		"epochs of a training; 0 takes those of the protocol quick, 200 for 10 images per class")
	cli.Heading(f, "Demo")
	f.StringVar(&o.run.networks.model, "model", glyphsSet,
		"`DIR` of another model of the letters; glyphs is the one in the program")
	o.run.networks.batchFlag(f)
	o.run.modes.clusterFlags(f)
	o.run.sampling.ruleFlags(f)
	return cmd
}

func (e *env) demo(ctx context.Context, o *demoOptions) error {
	r, err := e.openDemo(ctx, o)
	if err != nil {
		return err
	}
	defer r.Close()
	so := compare.Options{Maker: r.maker()}
	test, err := glyphs.Open("test", glyphs.Options{Classes: so.Train.ClassNames(), PerClass: o.test})
	if err != nil {
		return fail(exitUsage, "", err)
	}
	so.Test, so.Report = test, e.progress().Comparison
	so.Methods, so.IPCs, so.Sets, so.Nets, so.Protocol = demoMethods, []int{o.ipc}, 1, []string{"convnet3"}, "quick"
	if o.epochs > 0 {
		so.Changes = []string{fmt.Sprintf("epochs=%d", o.epochs)}
	}
	c, err := compare.Compare(ctx, so)
	if err != nil {
		return err
	}
	result, err := o.result(ctx, e, so, c)
	if err != nil {
		return err
	}
	if err := writeDemo(so.Out, result); err != nil {
		return fail(exitOutput, "", err)
	}
	return e.showDemo(so.Out, c, result)
}

// openDemo opens the model and the letters.
func (e *env) openDemo(ctx context.Context, o *demoOptions) (*openRun, error) {
	o.run.settings.Encode = encode.Settings{Split: "train", Crop: encode.CropADM, Limit: o.images}
	o.run.modes.settings.IPC = max(1, o.ipc)
	letters := glyphs.Options{Classes: strings.Split(o.letters, ""), PerClass: o.images}
	set, err := glyphs.Open("train", letters)
	if err != nil {
		return nil, fail(exitUsage, `"mgd3 demo --help" lists the flags`, err)
	}
	r, err := e.open(ctx, &o.run)
	if err != nil {
		return nil, err
	}
	r.Data = set
	return r, nil
}

// result is what the demo shows.
func (o *demoOptions) result(ctx context.Context, e *env, so compare.Options, c *compare.Comparison) (report.Result, error) {
	r := c.Result()
	classes := len(c.Made.Classes)
	r.Title = fmt.Sprintf("%d letters, %d images each", classes, o.ipc)
	r.Notes = []string{
		fmt.Sprintf("%d real images of %d classes became %d images. mgd3 pulls a diffusion model to the modes of "+
			"each class; unguided is the same model alone; random are real images drawn by chance. "+
			"A network was trained on each set from scratch, and tested on %d letters of other typefaces.", c.Made.Real, classes, classes*o.ipc, c.Made.Test),
		"One training on each set shows how it goes, not which set is best.",
	}
	r.Next = next()
	pictures, err := compare.Pictures(ctx, so)
	if err != nil {
		return r, err
	}
	dir, err := so.Make(ctx, baseline.ID{Method: baseline.MGD3, IPC: o.ipc})
	if err != nil {
		return r, err
	}
	sheet, err := e.drawSheet(ctx, sheetOptions{run: dir, data: glyphsSet, rows: classes, columns: 10})
	if err != nil {
		return r, err
	}
	r.Pictures = append([]report.Picture{{
		Title:   "Modes and images",
		Caption: "Of each letter: above, the real images nearest to the modes; below, the image made from each mode.",
		PNG:     sheet,
	}}, pictures...)
	return r, nil
}

// next is what to try after the demo.
func next() []string {
	return []string{
		"# the same with repetitions, more images and all baselines (hours)",
		"mgd3 compare --data glyphs --model glyphs --ipc 10,20,50 --out glyphs-table",
		"# your own images: a folder, a zip or a tar of train/CLASS/FILE and test/CLASS/FILE",
		"mgd3 train autoencoder --data pets.zip --split train --size 64 --flip --out pets-model",
		"mgd3 train dit --data pets.zip --split train --size 64 --flip --out pets-model",
		"mgd3 distill --data pets.zip --split train --model pets-model --ipc 10 --out pets-10",
		"mgd3 evaluate --train pets-10 --test pets.zip --test-split test",
	}
}

// writeDemo writes the result as a page, as data and as a picture.
func writeDemo(out string, r report.Result) error {
	numbers := r
	numbers.Pictures = nil
	for _, file := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{"sheet.png", func(w io.Writer) error { _, err := w.Write(r.Pictures[0].PNG); return err }},
		{"result.json", func(w io.Writer) error { return report.JSON(w, numbers) }},
		{"report.html", func(w io.Writer) error { return report.HTML(w, r) }},
	} {
		if err := atomicfile.Write(filepath.Join(out, file.name), file.write); err != nil {
			return err
		}
	}
	return nil
}

// showDemo prints the result.
func (e *env) showDemo(out string, c *compare.Comparison, r report.Result) error {
	switch {
	case e.json:
		return json.NewEncoder(e.stdout).Encode(c)
	case e.quiet:
		return nil
	}
	r.Pictures = nil
	r.Notes = append(r.Notes,
		fmt.Sprintf("See %s and %s.", filepath.Join(out, "report.html"), filepath.Join(out, "sheet.png")))
	return report.Text(e.stdout, r)
}
