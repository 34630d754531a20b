package distill

import "mgd3/stage"

// What the fields of a [Run] speak of.
type (
	Event = stage.Event
	Shard = stage.Shard
)

// Whole is the shard that is everything.
var Whole = stage.Whole

// ParseShard reads "i/n".
func ParseShard(s string) (Shard, error) { return stage.ParseShard(s) }

// Errors of package stage that a [Run] returns.
var (
	ErrOther   = stage.ErrOther
	ErrStage   = stage.ErrStage
	ErrUnclear = stage.ErrUnclear
)

// LockSettings is [stage.LockSettings].
func LockSettings(dir string, v any, ours func() (bool, error)) (healed, err error) {
	return stage.LockSettings(dir, v, ours)
}

// ErrBusy says that another process is at work on the same output.
var ErrBusy = stage.ErrBusy

// Lock is [stage.Lock].
func Lock(out string, shard Shard) (unlock func(), err error) { return stage.Lock(out, shard) }

// LockReading is [stage.LockReading].
func LockReading(out string) (unlock func(), err error) { return stage.LockReading(out) }

// Version is that of the program.
const Version = stage.Version
