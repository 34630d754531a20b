package engine

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"mgd3/weights"
)

const flagsVariable = "XLA_FLAGS"

// xlaFlags returns the flags for the CUDA plugin at path, behind those that are given already, which win:
//
//	xla_gpu_exclude_nondeterministic_ops      no operation whose bytes differ from run to run
//	xla_gpu_per_fusion_autotune_cache_dir     XLA times kernels, and takes the fastest: what one process chose is
//	xla_gpu_experimental_autotune_cache_mode  kept in this folder, and all others take it from there, so that shards
//	                                          and resumed runs agree
//	xla_gpu_cuda_data_dir                     the CUDA tools beside a plugin of JAX's pip packages; XLA looks for
//	                                          them elsewhere; those of go-xla's folder, nvidia, likewise
//
// XLA ends the process at a flag that it does not know, so only those are set whose names are in the plugin's file.
func xlaFlags(path, cache, given string) (string, error) {
	type flag struct{ name, value string }
	flags := []flag{{"xla_gpu_exclude_nondeterministic_ops", "true"}}
	if cache != "" {
		if err := os.MkdirAll(cache, 0o755); err != nil {
			return "", err
		}
		flags = append(flags, flag{"xla_gpu_per_fusion_autotune_cache_dir", cache},
			flag{"xla_gpu_experimental_autotune_cache_mode", "update"})
	}
	if plugins := filepath.Dir(filepath.Dir(path)); filepath.Base(plugins) == "jax_plugins" {
		for _, tools := range []string{"cu13", "cuda_nvcc"} {
			dir := filepath.Join(filepath.Dir(plugins), "nvidia", tools)
			if info, err := os.Stat(dir); err == nil && info.IsDir() {
				flags = append(flags, flag{"xla_gpu_cuda_data_dir", dir})
				break
			}
		}
	} else if dir := filepath.Dir(path); filepath.Base(dir) == "nvidia" { // as go-xla's installer lays them out
		flags = append(flags, flag{"xla_gpu_cuda_data_dir", dir})
	}
	var names []string
	for _, f := range flags {
		names = append(names, f.name)
	}
	known, err := contained(path, names)
	if err != nil {
		return "", err
	}
	list := strings.Fields(given)
	for _, f := range flags {
		if !known[f.name] || strings.Contains(given, "--"+f.name) {
			continue
		}
		if strings.ContainsAny(f.value, " \t\n") {
			return "", fmt.Errorf("the folder %q has a blank in its name, which XLA's flags cannot hold", f.value)
		}
		list = append(list, "--"+f.name+"="+f.value)
	}
	return strings.Join(list, " "), nil
}

// contained tells which of the names, of at most 100 bytes, stand somewhere in a file.
func contained(path string, names []string) (map[string]bool, error) {
	f, err := weights.Disk.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	const piece, overlap = 1 << 20, 100
	found := map[string]bool{}
	buffer := make([]byte, overlap+piece)
	for kept := 0; len(found) < len(names); {
		n, err := io.ReadFull(f, buffer[kept:])
		window := buffer[:kept+n]
		for _, name := range names {
			if bytes.Contains(window, []byte(name)) {
				found[name] = true
			}
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return nil, err
		}
		kept = copy(buffer, window[len(window)-overlap:])
	}
	return found, nil
}
