// Package demo shows the method with images and a model that are in the program: it makes a distilled set of the
// glyphs and two of the same size in other ways, trains a small network on each, and puts what comes of it on a page.
//
//	mgd3       the modes of each class pull the diffusion model
//	unguided   the same model alone
//	random     real images drawn by chance
//
//	OUT/report.html, OUT/sheet.png, OUT/result.json beside what package compare keeps in OUT
package demo

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"mgd3/baseline"
	"mgd3/compare"
	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/report"
	"mgd3/stage/atomicfile"
)

// methods are those that are compared.
var methods = []baseline.Method{baseline.MGD3, baseline.Unguided, baseline.Random}

// Options say how large the demo is.
type Options struct {
	baseline.Maker                     // with the model, and the letters to find modes among
	Test           *dataset.Set        // letters of other typefaces to test on, of the same classes
	IPC            int                 // images per class of the three sets
	Epochs         int                 // of a training; 0 takes those of the protocol quick
	Report         func(compare.Event) // told of progress; may be nil
}

// Demo is what came of it.
type Demo struct {
	Comparison *compare.Comparison
	Result     report.Result // what is shown of it
	Sheet      []byte        // the contact sheet of the distilled set, PNG
	compared   compare.Options
}

// Run makes, trains and tests. The same call goes on where one was stopped.
func Run(ctx context.Context, o Options) (*Demo, error) {
	so := compare.Options{Maker: o.Maker, Test: o.Test, Report: o.Report, Methods: methods, IPCs: []int{o.IPC}, Sets: 1,
		Nets: []string{"convnet3"}, Protocol: "quick"}
	if o.Epochs > 0 {
		so.Changes = []string{fmt.Sprintf("epochs=%d", o.Epochs)}
	}
	c, err := compare.Compare(ctx, so)
	if err != nil {
		return nil, err
	}
	r := c.Result()
	classes := len(c.Made.Classes)
	r.Title = fmt.Sprintf("%d letters, %d images each", classes, o.IPC)
	r.Notes = []string{
		fmt.Sprintf("%d real images of %d classes became %d images. mgd3 pulls a diffusion model to the modes of "+
			"each class; unguided is the same model alone; random are real images drawn by chance. "+
			"A network was trained on each set from scratch, and tested on %d letters of other typefaces.",
			c.Made.Real, classes, classes*o.IPC, c.Made.Test),
		"One training on each set shows how it goes, not which set is best.",
	}
	r.Next = next
	sheet, err := o.sheet(ctx, so, classes)
	return &Demo{c, r, sheet, so}, err
}

// sheet draws the contact sheet of the distilled set.
func (o Options) sheet(ctx context.Context, so compare.Options, classes int) ([]byte, error) {
	dir, err := so.Make(ctx, baseline.ID{Method: baseline.MGD3, IPC: o.IPC})
	if err != nil {
		return nil, err
	}
	m, err := distill.ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	const columns = 10
	return compare.Sheet(ctx, dir, m, o.Train, classes, columns)
}

// next is what to try after the demo.
var next = []string{
	"# the same with repetitions, more images and all baselines (hours)",
	"mgd3 compare --data glyphs --model glyphs --ipc 10,20,50 --out glyphs-table",
	"# your own images: a folder, a zip or a tar of train/CLASS/FILE and test/CLASS/FILE",
	"mgd3 train autoencoder --data pets.zip --split train --size 64 --flip --out pets-model",
	"mgd3 train dit --data pets.zip --split train --size 64 --flip --out pets-model",
	"mgd3 distill --data pets.zip --split train --model pets-model --ipc 10 --out pets-10",
	"mgd3 evaluate --train pets-10 --test pets.zip --test-split test",
}

// Write writes the result into a folder as a page, as data and as a picture.
func (d *Demo) Write(ctx context.Context, out string) error {
	err := atomicfile.Write(filepath.Join(out, "sheet.png"), func(w io.Writer) error {
		_, err := w.Write(d.Sheet)
		return err
	})
	if err != nil {
		return err
	}
	err = atomicfile.Write(filepath.Join(out, "result.json"),
		func(w io.Writer) error { return report.JSON(w, d.Result) })
	if err != nil {
		return err
	}
	return compare.WritePage(ctx, d.compared, d.Result, filepath.Join(out, "report.html"))
}

// Text prints the result, and where the page and the picture in a folder are.
func (d *Demo) Text(w io.Writer, out string) error {
	r := d.Result
	r.Notes = append(r.Notes,
		fmt.Sprintf("See %s and %s.", filepath.Join(out, "report.html"), filepath.Join(out, "sheet.png")))
	return report.Text(w, r)
}
