package lease

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"mgd3/stage"
)

// Any does stages of a run in pieces that are taken as they are free, in the place of one [stage.Shard].
type Any struct {
	Pieces int           // of a stage, at most one for each of its units; 0 leaves it to the stage
	Name   string        // of the worker, its own; see NewName
	Term   time.Duration // of a lease
}

// ParseAny reads "any" and "any/40", which is 40 pieces. What is neither is not ok.
func ParseAny(text string) (pieces int, ok bool, err error) {
	rest, ok := strings.CutPrefix(text, "any")
	if !ok || rest != "" && rest[0] != '/' {
		return 0, false, nil
	}
	if rest == "" {
		return 0, true, nil
	}
	if pieces, ok = number(rest[1:]); !ok || pieces < 1 || pieces > mostPieces {
		return 0, true, fmt.Errorf("shard is %q, want any or any/n with n from 1 to %d", text, mostPieces)
	}
	return pieces, true, nil
}

// mostPieces is as many objects as a store lists at once, and as a Slurm array may have tasks.
const mostPieces = 1000

// workers counts those of this process.
var workers atomic.Int64

// NewName makes a name of a worker: the machine, the process, and a number.
func NewName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s-%d-%d-%d", strings.ReplaceAll(host, string(filepath.Separator), "_"), os.Getpid(),
		workers.Add(1), time.Now().UnixNano()%1e6)
}

// Dir is the folder of the leases on what is made in a folder.
func Dir(dir string) string { return filepath.Join(dir, ".leases") }

// Each does the pieces of a stage of so many units whose files are in dir, about least units in a piece where nothing
// else is said. waits is told once how many pieces others have, when there is none left to take.
func (a *Any) Each(ctx context.Context, dir, name string, units, least int, waits func(pieces int),
	do func(context.Context, stage.Shard) error) error {
	n := min(a.pieces(units, least), units)
	w := &Worker{Store: storeIn(Dir(dir)), Name: a.Name, Term: a.Term, Waits: waits}
	return w.Each(ctx, name, n, func(ctx context.Context, piece int) error {
		return do(ctx, stage.Shard{Index: piece, Count: n})
	})
}

func (a *Any) pieces(units, least int) int {
	if a.Pieces > 0 {
		return a.Pieces
	}
	return max(1, min(mostPieces, (units+least-1)/least))
}

// EachOr is [Any.Each] with the stage's progress, to which it adds what others did; without any it does the shard.
func (a *Any) EachOr(ctx context.Context, shard stage.Shard, dir string, units, least int, p *stage.Progress,
	do func(context.Context, stage.Shard) error) error {
	if a == nil {
		return do(ctx, shard)
	}
	waits := func(pieces int) { p.Warn("", "waits for %d of its pieces, which other workers have", pieces) }
	if err := a.Each(ctx, dir, p.Stage(), units, least, waits, do); err != nil {
		return err
	}
	p.Others()
	return nil
}
