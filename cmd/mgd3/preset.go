package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"mgd3/distill"
	"mgd3/internal/terminal"
)

// presetFlag is for commands that have all or some of what a preset sets; what they have not is passed over.
func (o *options) presetFlag() {
	o.flags.StringVar(&o.preset, "preset", "",
		"published settings by `NAME`; \"mgd3 presets\" lists them; a flag given beside it counts")
}

// departures says which flags of the command are resolved to other values than the preset's.
func (o *options) departures(s distill.Settings) string {
	p := o.found
	// The seed of the encoding follows --seed in such a preset: that it differs is no departure from it.
	list := p.Departures(s, func(name string) bool {
		return o.flags.Lookup(name) != nil && !(name == "encode-seed" && o.seedEncodes)
	})
	if len(list) == 0 {
		return p.Name
	}
	return p.Name + ", but --" + strings.Join(list, ", --")
}

// presetsCmd is "mgd3 presets". It is the table of distill's presets, and opens nothing.
func (e *env) presetsCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "presets",
		Short: "List the published settings that --preset knows, with the source of each value",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			list := distill.Presets()
			return printAll(e, list, func(w io.Writer) error { return terminal.WritePresets(w, list) })
		},
	}
}
