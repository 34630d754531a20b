// Package completion is what shells offer when a command line of mgd3 is typed: the tables that --help lists.
package completion

import (
	"github.com/spf13/cobra"

	"mgd3/baseline"
	"mgd3/dataset"
	"mgd3/diffusion"
	"mgd3/distill"
	"mgd3/encode"
	"mgd3/engine"
	"mgd3/evaluate"
	"mgd3/export"
	"mgd3/internal/backends"
	"mgd3/internal/bench"
	"mgd3/internal/cli"
	"mgd3/internal/terminal"
	"mgd3/modes"
	"mgd3/tensorset"
	"mgd3/weights/hub"
)

// values are what a shell offers for values of flags, by their names.
var values = cli.Completions{
	"preset":          presetNames,
	"classes":         dataset.ListNames,
	"class-names":     dataset.ListNames,
	"teacher-classes": dataset.ListNames,
	"protocol":        evaluate.Presets,
	"net":             evaluate.Names,
	"teacher-net":     evaluate.Names,
	"backend":         backends.Known,
	"precision":       cli.Values(engine.Precisions),
	"cluster":         cli.Values(distill.ModeMethods),
	"rule":            cli.Values(diffusion.Rules()),
	"guide":           cli.Values(diffusion.Guides()),
	"together":        cli.Values(diffusion.Togethers()),
	"lambda-shape":    cli.Values(diffusion.Shapes()),
	"choose":          cli.Values(distill.Chooses),
	"pixels":          cli.Values(tensorset.AllPixels()),
	"method":          cli.Values(baseline.Methods),
	"crop":            cli.Values([]string{encode.CropADM, encode.CropCenter}),
	"short-class":     cli.Values([]modes.Short{modes.ShortError, modes.ShortRepeat}),

	"show":                  cli.Values(append([]terminal.Graphics{"auto"}, terminal.AllGraphics...)),
	"mgd3 distill --format": cli.Values(export.Formats),
	"mgd3 export --format":  cli.Values(export.Formats),
}

// Add tells cobra's completion what arguments and values of flags may be, where args ask for it, as the scripts do that
// "mgd3 completion" prints. Cobra keeps that for all the life of the process, with all flags.
func Add(root *cobra.Command, args []string) {
	if len(args) == 0 || args[0] != cobra.ShellCompRequestCmd && args[0] != cobra.ShellCompNoDescRequestCmd {
		return
	}
	cli.Complete(root, values)
	names := func(list func() []string) cobra.CompletionFunc {
		return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return list(), cobra.ShellCompDirectiveNoFileComp
		}
	}
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "pull":
			cmd.ValidArgsFunction = names(func() (all []string) {
				for _, k := range hub.Table {
					all = append(all, k.Name)
				}
				return all
			})
		case "bench":
			cmd.ValidArgsFunction = names(bench.Names)
		}
	}
}

func presetNames() (names []string) {
	for _, p := range distill.Presets() {
		names = append(names, p.Name)
	}
	return names
}
