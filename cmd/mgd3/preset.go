package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"mgd3/distill"
	"mgd3/dit"
	"mgd3/internal/terminal"
)

func (o *options) presetFlag() {
	o.flags.StringVar(&o.preset, "preset", "",
		"published settings by `NAME`; \"mgd3 presets\" lists them; a flag given beside it counts")
}

// departures says which flags of the command are resolved to other values than the preset's.
func (o *options) departures(s distill.Settings) string {
	p, err := distill.FindPreset(o.preset)
	if err != nil {
		return ""
	}
	list := p.Departures(s, func(name string) bool {
		return o.flags.Lookup(name) != nil && !(name == "encode-seed" && o.seedEncodes)
	})
	if len(list) == 0 {
		return p.Name
	}
	return p.Name + ", but --" + strings.Join(list, ", --")
}

// presetWarnings tells of networks that the preset is not for.
func (r *openRun) presetWarnings(o *options) (list []string) {
	p, err := distill.FindPreset(o.preset)
	if err != nil {
		return nil
	}
	if d, ok := r.Denoiser.(*dit.Model); ok && !d.Fits(p.Denoiser, p.Settings.Encode.Size) {
		return []string{fmt.Sprintf("preset %s is for %s at %d pixels; this denoiser has %d blocks of width %d, "+
			"patches of %d and latents of %d × %d", p.Name, p.Denoiser, p.Settings.Encode.Size, d.Depth, d.Hidden,
			d.Patch,
			d.InputSize, d.InputSize)}
	}
	if o.networks == nil || o.networks.model == "" || o.networks.vae != "" || p.Autoencoder == p.Denoiser {
		return nil
	}
	if modelFolder(o.networks.model).IsPipeline() {
		list = append(list, fmt.Sprintf("preset %s is for the autoencoder %s, which --vae can name; that of a DiT "+
			"pipeline is sd-vae-ft-ema as a rule", p.Name, p.Autoencoder))
	}
	return list
}

func (e *env) presetsCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "presets",
		Short: "List the published settings that --preset knows, with the source of each value",
		Example: `  mgd3 presets
  mgd3 distill --preset mgd3 --data imagenet --split train --classes nette --model dit-xl-2-256 --vae sd-vae-ft-mse --ipc 10 --out nette-10
  mgd3 distill --preset mgd3 --lambda 0.05 …    # a flag given beside it counts`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			list := distill.Presets()
			return printAll(e, list, func(w io.Writer) error { return terminal.WritePresets(w, list) })
		},
	}
}
