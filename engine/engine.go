// Package engine runs the networks' graphs on a backend that is chosen by name.
//
// A network is a [Func]: it builds its graph from inputs and from tensors that it asks for by
// name and shape. [Engine.Declare] runs a Func without data and lists what it asks for, which is
// what a weights file is checked against; [Engine.Compile] binds the tensors and gives a
// [Program].
//
//	backend    built in          what it is
//	cpu        always            ours, pure Go and Go assembly; cpu:OPTIONS as package cpu says
//	go         always            GoMLX's portable backend, plain Go
//	xla:NAME   where cgo is      OpenXLA through a PJRT plugin on the machine: xla:cuda, xla:cpu,
//	                             xla:/path/to/plugin.so;
//	                             go-xla's options for memory behind it, as in xla:cuda,memory_fraction=0.5
//
// Nothing is ever downloaded or installed here. Images are channels-last inside the networks,
// [B, H, W, C]; weights keep PyTorch's layouts, [out, in] and [out, in, kh, kw].
package engine

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"

	"mgd3/cpu"
)

// ErrBackend is in the chain of every error of [Open].
var ErrBackend = errors.New("backend")

// Engine is an open backend. It may be used by many goroutines at once.
type Engine struct {
	// KeepHalf leaves weights that their file has in half precision so, and converts them at each use: half the
	// memory or, on the backend cpu, a quarter, which keeps no rearranged copies then. The conversion is exact: no
	// result depends on it.
	KeepHalf bool

	// FixedRows is true of backends that choose the order of their sums by the shape of a whole product, and are fast
	// only with many rows: [Engine.EachFilled] gives all calls the same number of rows then. It is set for xla.
	FixedRows bool

	// Precision is that of the networks which are uploaded and compiled from now on.
	Precision Precision

	name        string
	pairs       bool // the backend multiplies bf16 in pairs
	description string
	machine     string
	backend     compute.Backend
	libraries   []string
}

// Config says which backend to open, and how.
type Config struct {
	Backend   string    // its name; see the package comment
	Plugin    string    // file of the PJRT plugin for xla; "" looks for one
	Precision Precision // of the networks; bf16 may also be set later
	Cache     string    // folder in which XLA on a GPU keeps which kernels it chose; "" is none
}

// openXLA opens a plugin with go-xla's options, each after a comma, and says which libraries it loaded before it; nil
// in builds without XLA.
var openXLA func(c Config, plugin Plugin, options string) (b compute.Backend, libraries []string, err error)

// Names lists the backends of this build.
func Names() []string {
	if openXLA == nil {
		return []string{"cpu", "go"}
	}
	return []string{"cpu", "go", xlaName}
}

// Open opens the backend of the given name; see [Config.Open].
func Open(name string) (*Engine, error) { return Config{Backend: name}.Open() }

// Open opens the backend. One that is not in this build, or whose plugin is not on this machine, is an [ErrBackend]
// that says so.
func (c Config) Open() (*Engine, error) {
	kind, spec, _ := strings.Cut(c.Backend, ":")
	e := &Engine{FixedRows: kind == xlaName, Precision: c.Precision, name: c.Backend}
	var err error
	switch {
	case !slices.Contains([]string{"cpu", "go", xlaName}, kind):
		return nil, fmt.Errorf("%w %q is not in this build: have %s", ErrBackend, c.Backend,
			strings.Join(Names(), ", "))
	case kind == xlaName && openXLA == nil:
		return nil, fmt.Errorf("%w %q is not in this build: it was built without cgo, or for a system that go-xla "+
			"does not know; have %s",
			ErrBackend, c.Backend, strings.Join(Names(), ", "))
	case kind != xlaName && c.Plugin != "":
		return nil, fmt.Errorf("%w %q takes no plugin, only xla does: got %q", ErrBackend, c.Backend, c.Plugin)
	case kind == xlaName:
		err = e.openPlugin(c, spec)
	case c.Precision == TF32:
		err = errTF32
	case kind == "go":
		// One operation at a time, each on all cores: side by side, the backend's convolutions wait for the
		// workers that they themselves hold (compute v0.1.6).
		e.backend, err = gobackend.New("ops_sequential")
	default:
		err = e.openCPU(spec)
	}
	if err != nil {
		return nil, fmt.Errorf("%w %q: %w", ErrBackend, c.Backend, err)
	}
	return e, nil
}

var errTF32 = fmt.Errorf("the precision %s is that of NVIDIA GPUs, xla:cuda: other backends compute in %s or %s", TF32,
	Float32, BF16)

// openPlugin opens the plugin that c and the part of the backend's name behind the colon mean.
func (e *Engine) openPlugin(c Config, spec string) (err error) {
	plugin, options, err := resolvePlugin(spec, c.Plugin)
	if err != nil {
		return err
	}
	switch {
	case strings.Contains(options, "tf32"):
		return fmt.Errorf("the option tf32 is a precision here: --precision %s, or %s", TF32, Float32)
	case c.Precision == TF32 && !plugin.isCUDA():
		return errTF32
	}
	// Options are about memory, which decides no result: they are no part of the name.
	e.name = xlaName + ":" + plugin.kind()
	if e.backend, e.libraries, err = openXLA(c, plugin, options); err != nil {
		return err
	}
	// go-xla knows no path of a plugin that was loaded for it.
	e.description = strings.Replace(e.backend.Description(), "_preloaded_", plugin.Path, 1)
	device, _, _ := strings.Cut(e.backend.DeviceDescription(0), " ") // what follows is the number of the process
	e.machine = machineOf(plugin, e.description, device)
	return nil
}

const xlaName = "xla"

// openCPU opens ours. How it multiplies bf16 is in the engine's name only where results depend on it: see Name.
func (e *Engine) openCPU(options string) error {
	b, err := cpu.New(options)
	if err != nil {
		return err
	}
	e.backend, e.pairs = b, b.(*cpu.Backend).Pairs()
	if list := strings.Split(options, ","); slices.ContainsFunc(list, isPairs) {
		e.name = "cpu"
		if list = slices.DeleteFunc(list, isPairs); len(list) > 0 {
			e.name += ":" + strings.Join(list, ",")
		}
	}
	return nil
}

func isPairs(option string) bool { return strings.HasPrefix(option, "pairs=") }

// Name returns the name the engine was opened with, and its precision if that is not float32: what results depend on.
// That of xla has the name of the plugin's kind in it, and no path; that of cpu in bf16 has the option pairs=on where
// that is so, asked for or not, and in no other case.
func (e *Engine) Name() string { return e.NameWith(e.Precision) }

// NameWith is Name where there are networks of precision p too, as those of [Params.Mixed] are in bf16.
func (e *Engine) NameWith(p Precision) string {
	name := e.name
	if e.pairs && (p == BF16 || e.Precision == BF16) {
		between := ":"
		if strings.Contains(name, ":") {
			between = ","
		}
		name += between + "pairs=on"
	}
	if e.Precision == BF16 || e.Precision == TF32 {
		name += " in " + string(e.Precision)
	}
	return name
}

// Libraries lists the files of the libraries that were loaded for the backend: NVIDIA's, before XLA's CUDA plugin.
func (e *Engine) Libraries() []string { return e.libraries }

// Description says in words what the backend is.
func (e *Engine) Description() string { return cmp.Or(e.description, e.backend.Description()) }

// Devices describes the devices of the backend.
func (e *Engine) Devices() []string {
	var devices []string
	for i := range e.backend.NumDevices() {
		devices = append(devices, e.backend.DeviceDescription(compute.DeviceNum(i)))
	}
	return devices
}

// Trim has the backend give back memory that it keeps for programs to come, where it can: other programs follow, which
// need other sizes.
func (e *Engine) Trim() {
	if b, ok := e.backend.(interface{ Trim() }); ok {
		b.Trim()
	}
}

// Close releases the backend and everything on it.
func (e *Engine) Close() { e.backend.Finalize() }
