package engine

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestFindCUDALibraries lays out the pip packages of CUDA 12 and 13, and a system's folders beside them.
func TestFindCUDALibraries(t *testing.T) {
	dir := t.TempDir()
	touch(t, dir,
		"12/nvidia/cudnn/lib/libcudnn.so.9", "12/nvidia/cuda_runtime/lib/libcudart.so.12",
		"12/nvidia/cublas/lib/libcublas.so.12",
		"12/nvidia/cublas/lib/libcublas.so.11", "12/nvidia/cublas/lib/libcublasLt.so.12",
		"12/jax_plugins/xla_cuda12/xla_cuda_plugin.so",
		"13/nvidia/cu13/lib/libcudart.so.13", "13/nvidia/cu13/lib/libnvrtc.so.13", "13/nvidia/cudnn/lib/libcudnn.so.9",
		"13/jax_plugins/xla_cuda13/xla_cuda_plugin.so", "alone/xla_cuda_plugin.so",
		"system/cuda-13.1/lib64/libcudart.so.13", "system/cuda-13.1/lib64/libcublas.so.13")
	// a folder is no library
	if err := os.Mkdir(filepath.Join(dir, "system/cuda-13.1/lib64/libcudnn.so.9"), 0o755); err != nil {
		t.Fatal(err)
	}
	system := []string{filepath.Join(dir, "system/cuda-13*/lib64")}
	for _, c := range []struct {
		plugin string
		want   []string
	}{
		{"12/jax_plugins/xla_cuda12/xla_cuda_plugin.so", []string{
			"12/nvidia/cuda_runtime/lib/libcudart.so.12", "system/cuda-13.1/lib64/libcudart.so.13",
			"12/nvidia/cublas/lib/libcublas.so.12",
			"12/nvidia/cublas/lib/libcublasLt.so.12", "system/cuda-13.1/lib64/libcublas.so.13",
			"12/nvidia/cudnn/lib/libcudnn.so.9"}},
		{"13/jax_plugins/xla_cuda13/xla_cuda_plugin.so", []string{
			"13/nvidia/cu13/lib/libcudart.so.13", "13/nvidia/cu13/lib/libnvrtc.so.13",
			"system/cuda-13.1/lib64/libcublas.so.13",
			"13/nvidia/cudnn/lib/libcudnn.so.9"}},
		{"alone/xla_cuda_plugin.so", []string{"system/cuda-13.1/lib64/libcudart.so.13",
			"system/cuda-13.1/lib64/libcublas.so.13"}},
	} {
		var got []string
		for _, path := range findCUDALibraries(filepath.Join(dir, c.plugin), system) {
			got = append(got, strings.TrimPrefix(path, dir+"/"))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.plugin, got, c.want)
		}
	}
}

// TestXLAFlags: flags that the plugin's file does not name are not set, those that are given stay.
func TestXLAFlags(t *testing.T) {
	dir := t.TempDir()
	all := filepath.Join(dir, "jax_plugins", "xla_cuda13", "xla_cuda_plugin.so")
	old, far := filepath.Join(dir, "old.so"), filepath.Join(dir, "far.so")
	touch(t, dir, "nvidia/cu13/bin/ptxas")
	const names = "\x00xla_gpu_exclude_nondeterministic_ops\x00xla_gpu_per_fusion_autotune_cache_dir\x00" +
		"xla_gpu_experimental_autotune_cache_mode\x00xla_gpu_cuda_data_dir\x00"
	// In far.so a name lies across the border of two pieces that are read one after the other.
	across := strings.Repeat("x", 1<<20+90) + names
	if err := os.MkdirAll(filepath.Dir(all), 0o755); err != nil {
		t.Fatal(err)
	}
	installed := filepath.Join(dir, "go-xla", "nvidia", "pjrt_c_api_cuda_plugin.so")
	if err := os.MkdirAll(filepath.Dir(installed), 0o755); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		all: names, installed: "xla_gpu_cuda_data_dir", old: "xla_gpu_deterministic_ops", far: across,
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cache, tools := filepath.Join(dir, "cache"), filepath.Join(dir, "nvidia", "cu13")
	for _, c := range []struct{ path, cache, given, want string }{
		{old, cache, "", ""},
		{old, "", "--xla_gpu_deterministic_ops=true", "--xla_gpu_deterministic_ops=true"},
		{far, "", "", "--xla_gpu_exclude_nondeterministic_ops=true"},
		{installed, "", "", "--xla_gpu_cuda_data_dir=" + filepath.Dir(installed)},
		{all, cache, "", "--xla_gpu_exclude_nondeterministic_ops=true --xla_gpu_per_fusion_autotune_cache_dir=" +
			cache +
			" --xla_gpu_experimental_autotune_cache_mode=update --xla_gpu_cuda_data_dir=" + tools},
		{all, "", "--xla_gpu_exclude_nondeterministic_ops=false",
			"--xla_gpu_exclude_nondeterministic_ops=false --xla_gpu_cuda_data_dir=" + tools},
	} {
		got, err := xlaFlags(c.path, c.cache, c.given)
		if err != nil || got != c.want {
			t.Errorf("%s, %q: got %q, %v, want %q", filepath.Base(c.path), c.given, got, err, c.want)
		}
	}
	if got, err := xlaFlags(all, filepath.Join(dir, "a b"), ""); err == nil {
		t.Errorf("got %q, want an error: flags hold no blanks", got)
	}
}
