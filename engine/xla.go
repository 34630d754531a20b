//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && arm64))

package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"
)

func init() { openers[xlaName] = openXLA }

// openXLA opens the PJRT plugin in a file; spec is its absolute path, and options after a comma.
func openXLA(spec string) (b compute.Backend, err error) {
	path, options, _ := strings.Cut(spec, ",")
	defer func() {
		if r := recover(); r != nil { // of a library that is no plugin
			err = fmt.Errorf("go-xla cannot load it: %v", r)
		}
		if err != nil {
			b, err = nil, fmt.Errorf("%w %s: %w", ErrPlugin, path, err)
		}
	}()
	xla.EnableAutoInstall(false)
	if err := pipLibraries(path); err != nil {
		return nil, err
	}
	// go-xla guesses from the path whether a plugin is for the CPU, whose memory it shares.
	if pluginName(path) != "cpu" && !strings.Contains(options, "shared_buffers") {
		spec += ",noshared_buffers"
	}
	return xla.New(spec)
}

// pipLibraries tells XLA where the CUDA tools are that stand beside a plugin from JAX's pip packages: jax_plugins and nvidia are
// folders of one site-packages. go-xla looks for them elsewhere.
func pipLibraries(path string) error {
	plugins := filepath.Dir(filepath.Dir(path))
	if filepath.Base(plugins) != "jax_plugins" {
		return nil
	}
	const flags, checks = "XLA_FLAGS", "GOPJRT_CUDA_CHECKS"
	for _, name := range []string{"cu13", "cuda_nvcc"} {
		tools := filepath.Join(filepath.Dir(plugins), "nvidia", name)
		if info, err := os.Stat(tools); err != nil || !info.IsDir() || strings.Contains(os.Getenv(flags), "xla_gpu_cuda_data_dir") {
			continue
		}
		if err := os.Setenv(flags, strings.TrimSpace(os.Getenv(flags)+" --xla_gpu_cuda_data_dir="+tools)); err != nil {
			return err
		}
	}
	if os.Getenv(checks) != "" {
		return nil
	}
	return os.Setenv(checks, "no") // it would warn that the tools are not where go-xla installs them
}
