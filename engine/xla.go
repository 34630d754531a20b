//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && arm64))

package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"
	"github.com/gomlx/go-xla/pjrt"
)

func init() { openXLA = openPJRT }

// openPJRT opens the PJRT plugin in a file, and says which libraries it loaded before it.
func openPJRT(c Config, plugin Plugin, options string) (b compute.Backend, libraries []string, err error) {
	defer func() {
		if r := recover(); r != nil { // of a library that is no plugin
			err = fmt.Errorf("go-xla cannot load it: %v", r)
		}
		if err != nil {
			b, err = nil, fmt.Errorf("%w %q: %w", ErrPlugin, plugin.Path, err)
		}
	}()
	xla.EnableAutoInstall(false)
	if err := showErrors(); err != nil {
		return nil, nil, err
	}
	if plugin.isCUDA() {
		if libraries, err = prepareCUDA(c, plugin.Path); err != nil {
			return nil, nil, err
		}
		options += fmt.Sprintf(",tf32=%t", c.Precision == TF32)
	}
	if plugin.kind() != "cpu" && !strings.Contains(options, "shared_buffers") {
		options += ",noshared_buffers"
	}
	name, err := telling(plugin)
	if err != nil {
		return nil, nil, err
	}
	b, err = xla.New(name + options)
	return b, libraries, err
}

// telling returns the name by which go-xla opens the plugin: its path, or, where words in the path say another kind
// of device than the plugin is of, as those of ~/cuda-tests/… do of a plugin for the CPU, its kind, under which the
// plugin is loaded and entered here. go-xla decides by the name whether it shares the CPU's memory, sets options of
// CUDA's memory, uses cuDNN.
func telling(p Plugin) (string, error) {
	name := "/" + p.kind() // one that is absolute is looked up, and not searched for
	if seenAs(p.Path) == seenAs(name) {
		return p.Path, nil
	}
	api, err := pjrtAPI(p.Path)
	if err != nil {
		return "", err
	}
	return name, pjrt.RegisterPreloadedPlugin(name, api)
}

// seenAs is what go-xla takes a plugin of the name for.
func seenAs(name string) (kind struct{ cpu, cuda bool }) {
	kind.cpu, kind.cuda = strings.Contains(strings.ToUpper(name), "CPU"), pjrt.IsCUDAName(name)
	return kind
}

// showErrors lets XLA print its errors. go-xla silences them: it sets the level of its log to 3 as the program
// starts, unless it is set. Who wants silence sets 4.
func showErrors() error {
	const level = "TF_CPP_MIN_LOG_LEVEL"
	if os.Getenv(level) != "3" {
		return nil
	}
	return os.Setenv(level, "2")
}

// prepareCUDA loads NVIDIA's libraries and sets what the CUDA plugin reads from the environment when it is loaded.
func prepareCUDA(c Config, path string) (libraries []string, err error) {
	for _, lib := range findCUDALibraries(path, systemCUDA) {
		if err := loadLibrary(lib); err != nil {
			return nil, fmt.Errorf("before it, %q: %w", lib, err)
		}
		libraries = append(libraries, lib)
	}
	if c.Precision != TF32 {
		// go-xla gives convolutions no precision, so that XLA lets cuDNN round to TF32. This forbids it to NVIDIA's
		// libraries.
		if err := os.Setenv("NVIDIA_TF32_OVERRIDE", "0"); err != nil {
			return nil, err
		}
	}
	flags, err := xlaFlags(path, c.Cache, os.Getenv(flagsVariable))
	if err != nil {
		return nil, err
	}
	if err := os.Setenv(flagsVariable, flags); err != nil {
		return nil, err
	}
	const checks = "GOPJRT_CUDA_CHECKS" // go-xla would warn that the tools are not where it installs them
	if filepath.Base(filepath.Dir(filepath.Dir(path))) != "jax_plugins" || os.Getenv(checks) != "" {
		return libraries, nil
	}
	return libraries, os.Setenv(checks, "no")
}
