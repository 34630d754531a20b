package engine

import (
	"os"
	"path/filepath"
)

// cudaLibraries are NVIDIA's libraries that XLA's CUDA plugin needs, in the order in which JAX loads them before it:
// a library that is loaded already is found by its name, wherever it lies. folder is that of the pip package below
// nvidia.
var cudaLibraries = []struct{ folder, file string }{
	{"cuda_runtime", "libcudart.so.12"}, {"cu13", "libcudart.so.13"},
	{"cuda_nvrtc", "libnvrtc.so.12"}, {"cu13", "libnvrtc.so.13"},
	{"nvjitlink", "libnvJitLink.so.12"}, {"cu13", "libnvJitLink.so.13"},
	{"cublas", "libcublas.so.12"}, {"cublas", "libcublasLt.so.12"}, {"cu13", "libcublas.so.13"},
	{"cu13", "libcublasLt.so.13"},
	{"nccl", "libnccl.so.2"},
	{"cuda_cupti", "libcupti.so.12"}, {"cu13", "libcupti.so.13"},
	{"cusparse", "libcusparse.so.12"}, {"cu13", "libcusparse.so.12"},
	{"cusolver", "libcusolver.so.11"}, {"cu13", "libcusolver.so.12"},
	{"cufft", "libcufft.so.11"}, {"cu13", "libcufft.so.12"},
	{"nvshmem", "libnvshmem_host.so.3"},
	{"cudnn", "libcudnn.so.9"},
}

// systemCUDA are the folders of NVIDIA's own installers and of Debian's packages, for a plugin that no pip packages
// stand beside.
var systemCUDA = []string{
	"/usr/local/cuda/lib64", "/usr/local/cuda-13*/lib64", "/usr/local/cuda-12*/lib64",
	"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64",
}

// findCUDALibraries lists the libraries that are there for the plugin at path, in the order of loading, each name
// once: those of pip's packages, site-packages/nvidia/*/lib, where the plugin is one of site-packages/jax_plugins/*,
// and then the system's.
func findCUDALibraries(path string, system []string) (found []string) {
	var folders []string
	plugins := filepath.Dir(filepath.Dir(path))
	pip := filepath.Base(plugins) == "jax_plugins"
	seen := map[string]bool{}
	for _, lib := range cudaLibraries {
		if seen[lib.file] {
			continue
		}
		folders = folders[:0]
		if pip {
			folders = append(folders, filepath.Join(filepath.Dir(plugins), "nvidia", lib.folder, "lib"))
		}
		for _, pattern := range system {
			dirs, _ := filepath.Glob(pattern) // the only error is of the pattern
			folders = append(folders, dirs...)
		}
		for _, folder := range folders {
			file := filepath.Join(folder, lib.file)
			if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
				found, seen[lib.file] = append(found, file), true
				break
			}
		}
	}
	return found
}
