package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"mgd3/glyphs"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
)

// glyphsOptions are the flags of glyphs.
type glyphsOptions struct {
	out, split, sheet string
	perClass          int
}

// glyphsCmd is "mgd3 glyphs": the letters as files, for other programs. Ours need none: glyphs is the name of the set.
func (e *env) glyphsCmd() *cobra.Command {
	var o glyphsOptions
	cmd := &cobra.Command{
		Use:   "glyphs",
		Short: "Write the image set that travels inside the program as files",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.out == "" && o.sheet == "" {
				return fail(exitUsage, "", errors.New("missing --out, or --sheet"))
			}
			if o.out != "" {
				if _, err := o.open(); err != nil { // before anything is made
					return err
				}
			}
			if o.sheet != "" {
				unlock, err := atomicfile.Lock(o.sheet)
				if err != nil {
					return fail(exitOutput, "", err)
				}
				defer unlock()
				if err := atomicfile.Write(o.sheet,
					func(w io.Writer) error { return glyphs.Sheet(w, 3, 2) }); err != nil {
					return fail(exitOutput, "", err)
				}
			}
			if o.out == "" {
				return nil
			}
			return e.glyphs(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.out, "out", "", "write below `DIR`")
	f.StringVar(&o.split, "split", "", "write this split alone: `NAME` is "+strings.Join(glyphs.Splits, " or "))
	f.IntVar(&o.perClass, "per-class", 0, "the first `N` images of each class; default 2000 of train and 500 of "+
		"test, which have up to 5000 and 1000")
	f.StringVar(&o.sheet, "sheet", "", "write a picture of some letters of train above some of test as PNG `FILE`")
	return cmd
}

// open opens the splits to write.
func (o glyphsOptions) open() ([]glyphs.Split, error) {
	splits, err := glyphs.OpenSplits(o.split, glyphs.Options{PerClass: o.perClass})
	return splits, fail(exitUsage, `"mgd3 glyphs --help" says what there is`, err)
}

func (e *env) glyphs(ctx context.Context, o glyphsOptions) error {
	splits, err := o.open()
	if err != nil {
		return err
	}
	unlock, err := stage.Lock(o.out, stage.Whole)
	if err != nil {
		return fail(exitOutput, "", err)
	}
	defer unlock()
	p := e.progress()
	err = glyphs.WriteAll(ctx, o.out, splits, p.Event, func(w glyphs.Written) error { return e.print(w, w.Text) })
	if errors.Is(err, glyphs.ErrOthers) {
		err = fmt.Errorf("%w, want another --out, or the --per-class it was made with", err)
	}
	return fail(exitOutput, "", err)
}
