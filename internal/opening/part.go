package opening

import (
	"errors"
	"fmt"
	"time"

	"mgd3/cluster"
	"mgd3/export"
	"mgd3/internal/exits"
	"mgd3/stage"
	"mgd3/stage/lease"
	"mgd3/store"
)

// Part is which part of the work a command does, as --shard has it.
type Part struct {
	Text string        // I/N, auto, any or any/N; "" of a command that has no such flag is all
	Term time.Duration // of a lease of any
}

// Shard returns the part. auto reads it from getenv, and told is then told which and by what; Text is I/N from then on.
func (p *Part) Shard(getenv func(string) string, told func(text string)) (stage.Shard, error) {
	if p.Text == "" {
		return stage.Whole, nil
	}
	if p.Text == "auto" {
		shard, by, err := cluster.Shard(getenv)
		if err != nil {
			return shard, exits.Fail(exits.Usage,
				"--shard I/N says it without them; docs/cluster.md lists the variables", err)
		}
		told(fmt.Sprintf("shard %v, by %s", shard, by))
		p.Text = shard.String()
	}
	shard, err := stage.ParseShard(p.Text)
	return shard, exits.Fail(exits.Usage, "of 4 shards, --shard takes 0/4, 1/4, 2/4 and 3/4", err)
}

// Shared is Shard, or the sharing of the work in out with other workers, nil where there is none.
func (p *Part) Shared(out string, getenv func(string) string, told func(text string)) (stage.Shard, *lease.Any, error) {
	pieces, any, err := lease.ParseAny(p.Text)
	switch {
	case !any:
		shard, err := p.Shard(getenv, told)
		return shard, nil, err
	case err != nil:
		return stage.Whole, nil, exits.Fail(exits.Usage, "", err)
	case p.Term < lease.LeastTerm(out):
		where := ""
		if store.Is(out) {
			where = " in a bucket, whose times are whole seconds"
		}
		return stage.Whole, nil, exits.Fail(exits.Usage, "", fmt.Errorf("--lease is %v, want at least %v%s", p.Term,
			lease.LeastTerm(out), where))
	}
	return stage.Whole, &lease.Any{Pieces: pieces, Name: lease.NewName(), Term: p.Term}, nil
}

// CheckExport finds before the work why the set in out could not be exported after it.
func (p *Part) CheckExport(format export.Format, out string) error {
	if err := format.Check(); err != nil {
		return exits.Fail(exits.Usage, "", err)
	}
	if format != export.Folder && store.Is(out) {
		return exits.Fail(exits.Usage, `"mgd3 export --out PATH" writes it to disk when the run is done`,
			fmt.Errorf("%q is in a bucket, where nothing is exported to", store.Shown(out)))
	}
	if format != export.Folder && p.Text != stage.Whole.String() {
		return exits.Fail(exits.Usage, `"mgd3 export" does it when all shards are done`,
			errors.New("a shard does not export the set"))
	}
	return nil
}
