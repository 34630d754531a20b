package main

import (
	"context"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mgd3/compare"
	"mgd3/page"
	"mgd3/sets"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
)

// pageOptions are the flags of page.
type pageOptions struct {
	from                       page.From
	title, out, latents, table string
	results                    []string
}

// pageCmd is "mgd3 page": HTML with all pictures in it, which can be sent as it is. "mgd3 serve" is for sets that are
// too large for that.
func (e *env) pageCmd() *cobra.Command {
	var o pageOptions
	cmd := &cobra.Command{
		Use:   "page DIR...",
		Short: "Write a page that shows a set beside what it stands for, and what is odd about it",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.from.Sets = args
			return e.page(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.from.Data.Path, "data", "", "the real images, as given to distill")
	f.StringVar(&o.from.Data.Split, "split", "", "`NAME` of the part to take of --data; default as given to distill")
	f.StringVar(&o.from.Test.Path, "test", "", "the images that networks are tested on")
	f.StringVar(&o.from.Test.Split, "test-split", "", "`NAME` of the part to take of --test")
	labelFlags(f, &o.from.Data.ClassNames, &o.from.Data.Labels)
	f.StringVar(&o.latents, "latents", "", "`DIR` of the real images' latents, for the maps; default DIR/latents")
	f.StringArrayVar(&o.results, "results", nil, "`DIR` that evaluate or score wrote to, to show its numbers; default "+
		"DIR itself and the folders in it; may be given several times")
	f.StringVar(&o.title, "title", "", "`TITLE` of the page; default the set's name")
	f.StringVarP(&o.out, "out", "o", "", "write `FILE`; default page.html in the first DIR, or beside a "+
		"file")
	f.StringVar(&o.table, "table", "", "write a table for other programs to `FILE`.parquet too: a row for each image")
	return cmd
}

// isForeign says that a folder is no run, in which nothing is locked. To lock is to write a file, which somebody else's
// folder should not get.
func isForeign(dir string) bool { return !sets.IsRun(dir) }

func (e *env) page(ctx context.Context, o pageOptions) error {
	if o.out == "" {
		o.out = page.File(o.from.Sets[0])
	}
	o.from.Test.ClassNames, o.from.Test.Labels = o.from.Data.ClassNames, o.from.Data.Labels
	unlock, err := stage.LockReading(slices.DeleteFunc(slices.Clone(o.from.Sets), isForeign)...)
	if err != nil {
		return fail(exitOutput, "wait for it to be finished", err)
	}
	defer unlock()
	p, done, err := page.Open(ctx, &e.sets, o.from)
	if err != nil {
		return ofSet(err)
	}
	defer done()
	p.Latents, p.Title = o.latents, o.title
	if p.Title == "" {
		p.Title = filepath.Base(filepath.Clean(o.from.Sets[0]))
	}
	if p.Numbers, err = compare.Results(o.from.Sets, o.results); err != nil {
		return fail(exitInput, "", err)
	}
	p.Commands = []string{o.from.Command(o.latents, o.results)}
	// after the reading: the page may be in the folder that is read
	written, err := atomicfile.Lock(o.out)
	if err != nil {
		return fail(exitOutput, "", err)
	}
	defer written()
	files, found, err := page.Write(ctx, p, o.out)
	if err != nil {
		return fail(exitInput, "", err)
	}
	if o.table != "" {
		if _, err := page.WriteTable(ctx, p, o.table); err != nil {
			return fail(exitInput, "", err)
		}
		files = append(files, o.table)
	}
	return e.show(found, func(w io.Writer) error {
		_, err := io.WriteString(w, found.Text()+strings.Join(files, "\n")+"\n")
		return err
	})
}
