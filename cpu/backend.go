package cpu

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/notimplemented"
	"github.com/pkg/errors"

	"mgd3/cpu/internal/ir"
	"mgd3/cpu/internal/kernel"
	"mgd3/cpu/internal/memory"
	"mgd3/cpu/internal/team"
)

// Name is the name under which the backend is registered.
const Name = "cpu"

func init() { compute.Register(Name, New) }

// Backend implements [compute.Backend]. It may be used by many goroutines at once.
type Backend struct {
	team   *team.Team
	plain  bool // evaluate node by node
	pairs  bool // multiply bfloat16 in pairs
	pool   pool
	arenas memory.Arenas
	closed atomic.Bool

	keep int64        // bytes that rearranged copies of weights may take in all
	kept atomic.Int64 // bytes that they take
}

var _ compute.Backend = (*Backend)(nil)

// defaultKeep lets a network of 360 million parameters keep all its products rearranged. Rearranging the rest at each
// use costs a few per cent of the time of a network with a billion, whose copies would take three times its own memory.
const defaultKeep = 1400 << 20

// New returns a backend; see the package comment for config.
func New(config string) (compute.Backend, error) {
	b := &Backend{keep: defaultKeep}
	threads, pairs := 0, ""
	for option := range strings.SplitSeq(config, ",") {
		key, value, _ := strings.Cut(option, "=")
		switch key {
		case "":
		case "threads":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 {
				return nil, errors.Errorf("cpu: option %q: want a number of threads, at least 1", option)
			}
			threads = n
		case "copies":
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 || n > 1<<30 {
				return nil, errors.Errorf("cpu: option %q: want a number of MiB, 0 to %d", option, 1<<30)
			}
			b.keep = int64(n) << 20
		case "pairs":
			if pairs = value; pairs != "on" && pairs != "off" {
				return nil, errors.Errorf("cpu: option %q: want pairs=on or pairs=off", option)
			}
		case "plain":
			b.plain = true
		case "isa":
			if err := setLevel(value); err != nil {
				return nil, errors.WithMessagef(err, "cpu: option %q", option)
			}
		default:
			return nil, errors.Errorf("cpu: option %q is not known: have threads=N, isa=NAME, copies=MIB, pairs=on or "+
				"pairs=off, and plain", option)
		}
	}
	b.pairs = pairs == "on" || pairs == "" && kernel.HasPairs()
	b.team = team.New(threads)
	return b, nil
}

func setLevel(name string) error {
	levels := kernel.Levels()
	at := slices.IndexFunc(levels, func(l kernel.Level) bool { return l.String() == name })
	if at < 0 {
		return errors.Errorf("this machine and build have %v", levels)
	}
	kernel.SetLevel(levels[at])
	return nil
}

// Name returns "cpu".
func (b *Backend) Name() string { return Name }

// String returns "cpu".
func (b *Backend) String() string { return Name }

// Description names the workers and the instruction set.
func (b *Backend) Description() string {
	return fmt.Sprintf("mgd3 CPU backend: %s, %s, %d threads", runtime.GOARCH, kernel.Current(), b.team.Size())
}

// Pairs reports whether b multiplies bfloat16 in pairs: its bytes differ then, those of bfloat16 alone.
func (b *Backend) Pairs() bool { return b.pairs }

// NumDevices returns 1.
func (b *Backend) NumDevices() int { return 1 }

// DeviceDescription names the processor's architecture.
func (b *Backend) DeviceDescription(compute.DeviceNum) string { return runtime.GOARCH }

// Builder returns a new builder.
func (b *Backend) Builder(name string) compute.Builder {
	builder := &Builder{backend: b, name: name, names: map[string]bool{compute.MainName: true}}
	builder.main = builder.function(compute.MainName, nil)
	return builder
}

// Trim gives back the memory that is kept for executions and buffers to come.
func (b *Backend) Trim() {
	b.arenas.Drop()
	b.pool.clear()
	debug.FreeOSMemory()
}

// Finalize ends the workers and drops the memory. No execution may run then or later.
func (b *Backend) Finalize() {
	if !b.closed.Swap(true) {
		b.team.Close()
		b.pool.clear()
	}
}

// IsFinalized reports whether Finalize was called.
func (b *Backend) IsFinalized() bool { return b.closed.Load() }

// open returns an error that names the operation if b is finalized.
func (b *Backend) open(op any) error {
	if b.IsFinalized() {
		return errors.Errorf("%v: the backend %q is finalized", op, Name)
	}
	return nil
}

func notImplemented(op compute.OpType) error {
	return errors.Wrapf(notimplemented.NotImplementedError, "%s: the backend %q does not have it", op, Name)
}

// function returns a new function of the builder; parent is nil but for closures.
func (b *Builder) function(name string, parent *Function) *Function {
	return &Function{Function: notimplemented.Function{ErrFn: notImplemented}, builder: b, parent: parent,
		ir: &ir.Func{Name: name}, captures: map[*ir.Node]*ir.Node{}}
}
