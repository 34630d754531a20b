package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"mgd3/distill"
	"mgd3/internal/cli"
	"mgd3/refine"
)

// refineCmd is "mgd3 refine": distill with the images of a set as the modes, one each, of which the noised latents are
// what sampling begins with. So it is a run of distill with other defaults.
func (e *env) refineCmd() *cobra.Command {
	o := &options{data: &dataFlags{}, networks: &networkFlags{}, sampling: &samplingFlags{}}
	join := 1
	cmd := &cobra.Command{
		Use:   "refine --set SET --model DIR --out DIR",
		Short: "Noise and denoise the images of any finished set with a diffusion model",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return e.refine(cmd.Context(), o, join) },
	}
	o.flags = cmd.Flags()
	f := o.flags
	o.data.add(f)
	// --set is --data by another name: these images are refined, and not learned from
	f.Lookup("data").Hidden = true
	f.StringVar(&o.data.Path, "set", "", "`SET` to refine: a run, a folder of CLASS/FILE, or tensors as "+
		"docs/judge.md has them")
	f.IntVar(&join, "join", 1, "each image is `N` × N smaller ones: refine each, and join them in collages below --out")
	e.tensorFlags(f)
	o.networks.add(f)
	o.sampling.add(f)
	// Without a pull: the image itself is where the sampler begins, at half of the usual 50 steps.
	for name, value := range map[string]string{"lambda": "0", "from": "25"} {
		flag := f.Lookup(name)
		flag.DefValue = value
		if err := flag.Value.Set(value); err != nil {
			panic(err) // it is written above
		}
	}
	f.Lookup("from").Usage = "take the last `T` steps alone, from latents noised as much; 0 only encodes and decodes"
	o.run.add(f)
	cli.First(cmd, "set", "model", "out", "from", "lambda", "join")
	cli.Require(cmd, "set", "out")
	return cmd
}

func (e *env) refine(ctx context.Context, o *options, join int) error {
	if join < 1 {
		return fail(exitUsage, "", fmt.Errorf("--join is %d, want at least 1", join))
	}
	if o.run.devices != "" {
		return fail(exitUsage, "--shard I/N shares the work", errors.New("refine works on one device"))
	}
	if _, err := distill.ReadManifest(o.data.Path); (err == nil || distill.Begun(o.data.Path)) && o.data.Split == "" {
		o.data.Path = distill.ImagesDir(o.data.Path) // as they are opened they are held against its manifest
	}
	r, err := e.open(ctx, o)
	if err != nil {
		return err
	}
	defer r.Close()
	if join > 1 {
		r.Data = refine.Cut(r.Data, join)
	}
	// what depends on the set: as many modes as the largest class has images
	if r.Settings, err = refine.Settings(r.Settings, r.Data); err != nil {
		return fail(exitUsage, "", err)
	}
	if err := r.Settings.Sample.Check(); err != nil {
		return fail(exitUsage, "", err)
	}
	r.WarnOfSampling()
	m, err := r.Do(ctx)
	if err != nil {
		return err
	}
	// m is nil where other shards are at work still: the last one joins
	if m != nil && join > 1 {
		if err := refine.Join(ctx, r.Out, join, m); err != nil {
			return err
		}
	}
	return e.summary(ctx, r.Out, m)
}
