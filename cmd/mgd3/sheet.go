package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"mgd3/compare"
	"mgd3/distill"
	"mgd3/export"
	"mgd3/internal/exits"
	"mgd3/internal/terminal"
	"mgd3/internal/words"
	"mgd3/sets"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
)

// sheetOptions are the flags of sheet.
type sheetOptions struct {
	run, out, show string
	data           sets.Spec
	rows, columns  int
}

// sheetCmd is "mgd3 sheet": a PNG with a row of real images and one of synthetic ones for each class.
func (e *env) sheetCmd() *cobra.Command {
	var o sheetOptions
	cmd := &cobra.Command{
		Use:   "sheet SET",
		Short: "Draw a contact sheet: real images nearest to the modes above the synthetic ones",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.run = args[0]
			return e.sheet(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.data.Path, "data", "", "the real images, as given to distill: a folder, a zip or a tar")
	f.StringVar(&o.data.Split, "split", "", "sub-folder of --data; default as given to distill")
	labelFlags(f, &o.data.ClassNames, &o.data.Labels)
	e.tensorFlags(f)
	f.StringVarP(&o.out, "out", "o", "", "write `FILE`; default sheet.png in DIR")
	f.IntVar(&o.rows, "rows", 20, "show at most this many classes")
	f.IntVar(&o.columns, "columns", 10, "show at most this many images of a class")
	f.StringVar(&o.show, "show", "", "show it in the terminal too: `HOW` is auto, "+words.List(terminal.AllGraphics))
	// --show alone is --show=auto; --show HOW with a space would take HOW for the set
	f.Lookup("show").NoOptDefVal = "auto"
	return cmd
}

func (e *env) sheet(ctx context.Context, o sheetOptions) error {
	if err := terminal.CheckShow(o.show); err != nil {
		return fail(exitUsage, "", err)
	}
	o.out = cmp.Or(o.out, compare.SheetFile(o.run))
	unlockRun, err := stage.LockReading(o.run)
	if err != nil {
		return fail(exitOutput, "wait for it to be finished", err)
	}
	defer unlockRun()
	dir, remove, err := export.Finished(ctx, &e.sets, sets.Spec{Path: o.run, ClassNames: o.data.ClassNames})
	if err != nil {
		return err
	}
	defer remove()
	m, err := distill.ReadManifest(dir)
	// imported: the manifest has no crop, by which real images would be shown alike
	if err == nil && m.Settings.Encode.Size == 0 && o.data.Path != "" {
		return fail(exitUsage, "", fmt.Errorf("%q does not say which real images it is of: leave --data out", o.run))
	}
	if err != nil { // before anything is made
		return fail(exitInput, exits.ManifestHint(o.run, err), err)
	}
	unlock, err := atomicfile.Lock(o.out)
	if err != nil {
		return fail(exitOutput, "", err)
	}
	defer unlock()
	sheet, err := compare.SheetOf(ctx, &e.sets, dir, m, o.data, o.rows, o.columns)
	if err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(o.out, sheet); err != nil {
		return fail(exitOutput, "", err)
	}
	err = e.show(map[string]any{"file": o.out, "bytes": len(sheet)}, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, o.out)
		return err
	})
	if err != nil || e.json {
		return err
	}
	// after the file is there, whatever the terminal can do
	note, err := terminal.Draw(e.stdout, o.show, os.Getenv, sheet)
	if note != "" {
		e.warnText(note)
	}
	return fail(exitOutput, "", err)
}
