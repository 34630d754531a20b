package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"mgd3/export"
	"mgd3/internal/cli"
	"mgd3/internal/opening"
	"mgd3/internal/words"
	"mgd3/stage"
	"mgd3/stage/lease"
	"mgd3/store"
)

// runFlags say where a run writes, and which part of the work it does.
type runFlags struct {
	out, latents string
	part         opening.Part
	devices      string
	dryRun       bool
	format       string // of the finished set, an export.Format; "" leaves it as it is
}

func (r *runFlags) add(f *pflag.FlagSet) {
	r.folderFlags(f)
	r.shardFlag(f)
	f.StringVar(&r.devices, "devices", "",
		"work on several GPUs, one process each: their number `N`, or a list of device numbers with "+
			"commas, such as 0,2 or 3,")
	cli.Heading(f, "Run")
}

// folderFlags are those of a run that does all its work at once.
func (r *runFlags) folderFlags(f *pflag.FlagSet) {
	f.StringVarP(&r.out, "out", "o", "", "output `DIR`")
	f.StringVar(&r.latents, "latents", "", "`DIR` of the latents, to share them among runs; default latents in --out")
	cli.Heading(f, "Run")
}

// shardFlag is --shard. I/N cuts the work before anything runs; any has workers take pieces as they go, and puts those
// of a dead worker back, which costs a lease for each piece.
func (r *runFlags) shardFlag(f *pflag.FlagSet) {
	f.StringVar(&r.part.Text, "shard", stage.Whole.String(), "do part `I/N` of the work, counted from 0; auto "+
		"takes both from the variables of Slurm, Kubernetes and others that start many processes; any, or any/N, "+
		"takes the next of N pieces that no other worker has, and what a lost one had")
	leaseFlag(f, &r.part)
	cli.Heading(f, "Run")
}

// leaseFlag is the term of these leases. Too short a term takes the piece of a worker that is only slow: the work is
// done twice then, with the same bytes.
func leaseFlag(f *pflag.FlagSet, p *opening.Part) {
	f.DurationVar(&p.Term, "lease", lease.Term, "with --shard any, the `TIME` without a sign of life after which a "+
		"worker is taken for lost; the same for all")
}

// wholeFlags are those of a command that makes a finished set.
func (r *runFlags) wholeFlags(f *pflag.FlagSet) {
	f.StringVar(&r.format, "format", string(export.Folder),
		"`FORMAT` that the finished set is exported in, beside --out, as by "+
			"\"mgd3 export\": "+words.List(export.Formats)+"; folder leaves it at --out")
	f.BoolVar(&r.dryRun, "dry-run", false,
		"print what would be done, with counts, bytes and an estimate of the time, and do nothing")
	cli.Heading(f, "Run")
}

// shared is the part of the work that the run does, or that it shares the work with other workers.
func (r *runFlags) shared(e *env) (stage.Shard, *lease.Any, error) {
	return r.part.Shared(r.out, os.Getenv, e.sayText)
}

// autotuneDir is where a run on a GPU keeps which kernels XLA chose; "" where nothing is written.
func (r *runFlags) autotuneDir() string {
	// XLA writes files by their names on disk, and no bucket
	if r.out == "" || r.dryRun || store.Is(r.out) {
		return ""
	}
	return filepath.Join(r.out, "autotune")
}
