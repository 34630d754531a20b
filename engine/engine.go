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
//	xla:NAME   where cgo is      OpenXLA through a PJRT plugin on the machine: xla:cuda, xla:cpu, xla:/path/to/plugin.so;
//	                             go-xla's options behind it, as in xla:cuda,tf32=false
//
// Nothing is ever downloaded or installed here. Images are channels-last inside the networks,
// [B, H, W, C]; weights keep PyTorch's layouts, [out, in] and [out, in, kh, kw].
package engine

import (
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
	// KeepHalf leaves weights that their file has in half precision so, and converts them at each use: half the memory or, on
	// the backend cpu, a quarter, which keeps no rearranged copies then. The conversion is exact: no result depends on it.
	KeepHalf bool

	// FixedRows is true of backends that choose the order of their sums by the shape of a whole product, and are fast only with many
	// rows: [Engine.EachFilled] gives all calls the same number of rows then. It is set for xla.
	FixedRows bool

	// Precision is that of the networks which are uploaded and compiled from now on.
	Precision Precision

	name    string
	backend compute.Backend
}

// openers of the backends of this build, by the part of the name before the colon.
var openers = map[string]func(spec string) (compute.Backend, error){
	"cpu": cpu.New,
	// One operation at a time, each on all cores: side by side, the backend's convolutions wait for the
	// workers that they themselves hold (compute v0.1.6).
	"go": func(string) (compute.Backend, error) { return gobackend.New("ops_sequential") },
}

// Names lists the backends of this build.
func Names() []string {
	var names []string
	for name := range openers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Open opens the backend of the given name. A backend that is not in this build, or whose plugin
// is not on this machine, is an [ErrBackend] that says so.
func Open(name string) (*Engine, error) { return OpenPlugin(name, "") }

// OpenPlugin is [Open] of xla with the PJRT plugin in a file; "" is no file.
func OpenPlugin(name, file string) (*Engine, error) {
	kind, spec, _ := strings.Cut(name, ":")
	open, ok := openers[kind]
	switch {
	case !ok && kind == xlaName:
		return nil, fmt.Errorf("%w %q is not in this build: it was built without cgo, or for a system that go-xla does not know; have %s",
			ErrBackend, name, strings.Join(Names(), ", "))
	case !ok:
		return nil, fmt.Errorf("%w %q is not in this build: have %s", ErrBackend, name, strings.Join(Names(), ", "))
	case file != "" && kind != xlaName:
		return nil, fmt.Errorf("%w %q takes no plugin, only xla does: got %s", ErrBackend, name, file)
	}
	if kind == xlaName {
		plugin, options, err := resolvePlugin(spec, file)
		if err != nil {
			return nil, fmt.Errorf("%w %q: %w", ErrBackend, name, err)
		}
		name, spec = xlaName+":"+plugin.Name+options, plugin.Path+options
	}
	backend, err := open(spec)
	if err != nil {
		return nil, fmt.Errorf("%w %q: %w", ErrBackend, name, err)
	}
	return &Engine{FixedRows: kind == xlaName, name: name, backend: backend}, nil
}

const xlaName = "xla"

// Name returns the name the engine was opened with, and its precision if that is not float32: what results depend on. That
// of xla has the name of the plugin's kind in it, and no path.
func (e *Engine) Name() string {
	if e.Precision == BF16 {
		return e.name + " in " + string(BF16)
	}
	return e.name
}

// Description says in words what the backend is.
func (e *Engine) Description() string { return e.backend.Description() }

// Devices describes the devices of the backend.
func (e *Engine) Devices() []string {
	var devices []string
	for i := range e.backend.NumDevices() {
		devices = append(devices, e.backend.DeviceDescription(compute.DeviceNum(i)))
	}
	return devices
}

// Close releases the backend and everything on it.
func (e *Engine) Close() { e.backend.Finalize() }
