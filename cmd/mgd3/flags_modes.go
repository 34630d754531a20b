package main

import (
	"github.com/spf13/pflag"

	"mgd3/distill"
	"mgd3/internal/cli"
	"mgd3/internal/words"
	"mgd3/modes"
)

// modeFlags say how the latents of a class become modes.
type modeFlags struct {
	settings       distill.ModeSettings
	cluster, short string
	features       string // a file, "" is the latents; settings have its hash, since its name decides nothing
}

// add defines all flags, for commands that make one set.
func (m *modeFlags) add(f *pflag.FlagSet) {
	f.IntVar(&m.settings.IPC, "ipc", 10, "images per class, and so modes")
	m.clusterFlags(f)
}

// clusterFlags are those that do not say how many modes there are.
func (m *modeFlags) clusterFlags(f *pflag.FlagSet) {
	s := &m.settings
	f.StringVar(&m.cluster, "cluster", string(modes.KMeans), "`METHOD` to find modes: "+words.List(distill.ModeMethods))
	f.BoolVar(&s.Nearest, "nearest", false, "put the nearest real latent in each mode's place")
	f.IntVar(&s.Pool, "pool", 0, "average latents over `P` by P cells before clustering; 0 takes them as they are")
	f.IntVar(&s.Shares, "shares", 0, "share --ipc images among `K` modes by the sizes of their clusters; 0 is a mode "+
		"each")
	f.StringVar(&m.features, "features", "", "find clusters in the `FILE` (Parquet or safetensors) with features of "+
		"the images, as \"mgd3 embed\" writes it; a mode is the mean of the latents")
	f.StringVar(&m.short, "short-class", string(modes.ShortError),
		"what to do with a class of fewer images than --ipc: error, or repeat to fill up with real latents")
	f.Uint64Var(&s.Seed, "modes-seed", 0, "seed of the clustering; the published runs keep it at 0 whatever --seed is")
	cli.Heading(f, "Modes")
}
