package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"mgd3/export"
	"mgd3/internal/cli"
	"mgd3/internal/exits"
	"mgd3/internal/terminal"
	"mgd3/internal/words"
	"mgd3/sets"
	"mgd3/stage"
	"mgd3/store"
	"mgd3/tensorset"
)

// exportCmd is "mgd3 export". A card is asked for by --card, or by anything that would be in it.
func (e *env) exportCmd() *cobra.Command {
	var format, out, shard, pixels string
	var card export.Card
	var withCard bool
	var from sets.Spec
	cmd := &cobra.Command{
		Use: "export SET",
		Short: "Write a finished set as WebDataset, Parquet, PyTorch's tensors, one zip, or a folder of its images " +
			"alone",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o := export.Options{Format: export.Format(format), Pixels: export.Pixels(pixels)}
			if withCard || card != (export.Card{}) {
				o.Card = &card
			}
			// by itself first: the checks that follow would say of a mistyped format that it has no cards
			if err := o.Format.Check(); err != nil {
				return fail(exitUsage, "", err)
			}
			if shard != "" {
				var err error
				if o.Shard, err = cli.ParseSize("--shard", shard); err != nil {
					return fail(exitUsage, "", err)
				}
			}
			if err := o.Check(); err != nil {
				return fail(exitUsage, "", err)
			}
			if out == "" {
				out = o.Path(args[0])
			}
			if store.Is(out) {
				return fail(exitUsage, "--out PATH says where", fmt.Errorf("%q is in a bucket, and an export goes to "+
					"disk", store.Shown(out)))
			}
			unlock, err := stage.LockReading(args[0])
			if err != nil {
				return fail(exitOutput, "wait for it to be finished", err)
			}
			defer unlock()
			// a set of tensors becomes a run in a temporary folder, which remove deletes
			from.Path = args[0]
			dir, remove, err := export.Finished(cmd.Context(), &e.sets, from)
			if err != nil {
				return err
			}
			defer remove()
			return e.export(cmd.Context(), dir, out, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&format, "format", "", "`FORMAT` to write: "+words.List(export.Formats))
	f.StringVarP(&out, "out", "o", "", "`PATH` of the file or folder; default beside DIR, with the format in its name")
	f.StringVar(&shard, "shard", "", "tars of a webdataset of at most `SIZE` of images (100MB, 1GB); default 500MB")
	f.StringVar(&pixels, "pixels", "", "numbers of torch and mtt: "+words.List(export.AllPixels)+
		"; default uint8 of torch, imagenet of mtt")
	t := &e.sets.Tensors
	f.StringVar(&t.Pixels, "read-pixels", string(tensorset.Auto), "what the numbers of a SET of tensors mean: `HOW` "+
		"as --pixels of evaluate")
	f.IntVar(&t.Collage, "collage", 1, "each image of a SET of tensors is `N` × N smaller ones")
	f.StringVar(&t.ZCA.Path, "zca-from", "", "the training `SET` by which whitened images were whitened")
	f.StringVar(&t.ZCA.Split, "zca-split", "", "the `NAME` of the sub-folder to take of --zca-from")
	f.StringVar(&from.Split, "split", "", "the `NAME` of the sub-folder to take of a SET that is none of ours")
	labelFlags(f, &from.ClassNames, &from.Labels)
	f.BoolVar(&withCard, "card", false, "of parquet: write a folder with a dataset card, as the hub has it")
	f.StringVar(&card.Title, "title", "", "`NAME` of the set in its card; default that of the folder")
	f.StringVar(&card.Source, "source", "", "the real images, in the card: a `NAME` or an address")
	f.StringVar(&card.SourceLicence, "source-licence", "", "their `LICENCE`")
	f.StringVar(&card.Model, "model-name", "", "the networks that made the set, in the card: a `NAME` or an address")
	f.StringVar(&card.ModelLicence, "model-licence", "", "their `LICENCE`")
	f.StringVar(&card.Licence, "licence", "", "`LICENCE` of the set in the card, by the hub's names (cc-by-4.0)")
	f.StringVar(&card.Scores, "scores", "", "scores.json of evaluate, a `FILE`, whose table is in the card")
	cli.Require(cmd, "format")
	return cmd
}

// export writes the set in a folder, and says so.
func (e *env) export(ctx context.Context, dir, out string, o export.Options) error {
	w, err := export.Write(ctx, dir, out, o)
	if err != nil {
		return exits.OfExport(dir, err)
	}
	return e.show(w, func(to io.Writer) error {
		_, err := fmt.Fprintf(to, "%-16s %s: %d images of %d classes, %s in %s\n", w.Format, w.Out, w.Images, w.Classes,
			terminal.Size(w.Bytes), terminal.Files(w.Files))
		return err
	})
}

// exportFinished exports the set of a run in the format asked for.
func (e *env) exportFinished(ctx context.Context, o *options) error {
	format := export.Format(o.run.format)
	if format == export.Folder || format == "" {
		return nil
	}
	return e.export(ctx, o.run.out, format.Path(o.run.out), export.Options{Format: format})
}
