package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"mgd3/cluster"
	"mgd3/export"
	"mgd3/internal/cli"
	"mgd3/internal/words"
	"mgd3/stage"
	"mgd3/stage/lease"
	"mgd3/store"
)

// runFlags say where a run writes, and which part of the work it does.
type runFlags struct {
	out, latents   string
	shard, devices string
	term           time.Duration // of a lease, see sharedPart
	dryRun         bool
	format         string // of the finished set, an export.Format; "" leaves it as it is
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

func (r *runFlags) shardFlag(f *pflag.FlagSet) {
	f.StringVar(&r.shard, "shard", stage.Whole.String(), "do part `I/N` of the work, counted from 0; auto "+
		"takes both from the variables of Slurm, Kubernetes and others that start many processes; any, or any/N, "+
		"takes the next of N pieces that no other worker has, and what a lost one had")
	f.DurationVar(&r.term, "lease", lease.Term, "with --shard any, the `TIME` without a sign of life after which a "+
		"worker is taken for lost; the same for all")
	cli.Heading(f, "Run")
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

// part returns the part of the work that the run does.
func (r *runFlags) part(e *env) (stage.Shard, error) {
	if r.shard == "" { // the command has no such flag
		return stage.Whole, nil
	}
	if r.shard == "auto" {
		shard, by, err := cluster.Shard(os.Getenv)
		if err != nil {
			return shard, fail(exitUsage, "--shard I/N says it without them; docs/cluster.md lists the variables", err)
		}
		e.say("shard %v, by %s", shard, by)
		r.shard = shard.String()
	}
	shard, err := stage.ParseShard(r.shard)
	return shard, fail(exitUsage, "", err)
}

// sharedPart is part, or the sharing of the work with other workers, which any command has that opens a run.
func (r *runFlags) sharedPart(e *env) (stage.Shard, *lease.Any, error) {
	pieces, any, err := lease.ParseAny(r.shard)
	switch {
	case !any:
		shard, err := r.part(e)
		return shard, nil, err
	case err != nil:
		return stage.Whole, nil, fail(exitUsage, "", err)
	case r.term < lease.LeastTerm:
		return stage.Whole, nil, fail(exitUsage, "", fmt.Errorf("--lease is %v, want at least %v", r.term,
			lease.LeastTerm))
	}
	return stage.Whole, &lease.Any{Pieces: pieces, Name: lease.NewName(), Term: r.term}, nil
}

// checkFormat finds before the work what would fail after it.
func (r *runFlags) checkFormat() error {
	format := export.Format(r.format)
	if err := format.Check(); err != nil {
		return fail(exitUsage, "", err)
	}
	if format != export.Folder && store.Is(r.out) {
		return fail(exitUsage, `"mgd3 export --out PATH" writes it to disk when the run is done`,
			fmt.Errorf("%q is in a bucket, where nothing is exported to", store.Shown(r.out)))
	}
	if format != export.Folder && r.shard != stage.Whole.String() {
		return fail(exitUsage, `"mgd3 export" does it when all shards are done`,
			errors.New("a shard does not export the set"))
	}
	return nil
}

// autotuneDir is where a run on a GPU keeps which kernels XLA chose; "" where nothing is written.
func (r *runFlags) autotuneDir() string {
	if r.out == "" || r.dryRun || store.Is(r.out) {
		return ""
	}
	return filepath.Join(r.out, "autotune")
}
