package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"mgd3/convert"
	"mgd3/internal/cli"
	"mgd3/internal/terminal"
	"mgd3/model"
)

// convertOptions are the flags of convert.
type convertOptions struct {
	in, out    string
	to, shard  string
	half, bf16 bool
}

// convertCmd is "mgd3 convert". No network is run, and so no backend is opened.
func (e *env) convertCmd() *cobra.Command {
	var o convertOptions
	cmd := &cobra.Command{
		Use:   "convert IN OUT",
		Short: "Write weights as safetensors: from PyTorch's files, in half precision, in shards, under other names",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.in, o.out = args[0], args[1]
			return e.convert(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.to, "to", "", "`NAMES` of the tensors: dit (DiT's own), diffusers (its DiT), autoencoder "+
		"(diffusers' AutoencoderKL), unet (its UNet2DConditionModel), pipeline (its folder of a whole latent "+
		"diffusion model, from a checkpoint), checkpoint (one file, from such a folder); default as they are")
	f.BoolVar(&o.half, "half", false, "round floats to half precision (F16); a number beyond 65504 is an error")
	f.BoolVar(&o.bf16, "bf16", false, "round floats to bfloat16: the range of float32 with 8 bits of precision")
	f.StringVar(&o.shard, "shard", "", "files of at most `SIZE` (2GB, 500MB) with an index beside them")
	return cmd
}

func (e *env) convert(ctx context.Context, o convertOptions) error {
	c, err := o.conversion()
	if err != nil {
		return fail(exitUsage, "", err)
	}
	r, err := convert.Write(ctx, c)
	// notes first: what was left out of the file may be the reason of the error
	e.sayAll(r.Notes)
	switch {
	case errors.Is(err, convert.ErrOutput):
		return fail(exitOutput, "", err)
	case err != nil && c.Names != convert.Checkpoint && model.Disk(o.in).IsPipeline():
		return fail(exitModel, "it is a pipeline of diffusers: convert its parts, or --to checkpoint all of it", err)
	case err != nil:
		return fail(exitModel, "", err)
	}
	of := ""
	// Other programs have some tensors joined that here are apart, q, k and v say, so that the numbers differ.
	if r.Read != r.Tensors {
		of = fmt.Sprintf(" (from %d in %s)", r.Read, o.in)
	}
	return e.print(r, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s: %d tensors%s, %d parameters, %s in %s\n", r.Out, r.Tensors, of, r.Numbers,
			terminal.Size(r.Bytes), terminal.Files(len(r.Files)))
		return err
	})
}

// conversion returns what the flags ask for.
func (o convertOptions) conversion() (c convert.Options, err error) {
	c = convert.Options{In: o.in, Out: o.out, Names: convert.Names(o.to)}
	switch {
	case o.half && o.bf16:
		return c, errors.New("--half and --bf16 are two types, want one")
	case o.half:
		c.DType = "F16"
	case o.bf16:
		c.DType = "BF16"
	}
	if o.shard != "" {
		if c.MaxShard, err = cli.ParseSize("--shard", o.shard); err != nil {
			return c, err
		}
	}
	return c, c.Check()
}
