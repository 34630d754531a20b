package engine

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// touch makes empty files below dir.
func touch(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("not a library"),
			0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPluginName(t *testing.T) {
	for path, want := range map[string]string{
		"/a/pjrt_c_api_cuda_plugin.so":        "cuda",
		"/a/pjrt_c_api_cpu_v0.83.1_plugin.so": "cpu_v0.83.1",
		"/a/pjrt-plugin-tpu.so":               "tpu",
		"/a/pjrt_plugin_cpu.dylib":            "cpu",
		"/a/jax_plugins/x/xla_cuda_plugin.so": "cuda",
		"/a/xla_plugins/x/xla_cpu_pjrt.so":    "cpu",
		"/a/somebodys_xla_cpu/libpjrt_cpu.so": "cpu",
		"/a/jax_plugins/x/__init__.py":        "",
		"/pjrt_c_api_cuda_plugin.so/lib.so":   "",
		"/a/xla_cuda_plugin.so.txt":           "",
	} {
		if got := pluginName(path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

// TestFindPlugins lays out a go-xla folder, a virtual environment and a conda environment with JAX's packages for CUDA
// 12 and 13, another environment that a link names, pyenv's folder, and packages of other names.
func TestFindPlugins(t *testing.T) {
	home, venv, conda := t.TempDir(), t.TempDir(), t.TempDir()
	touch(t, home, ".local/lib/go-xla/pjrt_c_api_cpu_v0.83.1_plugin.so",
		".local/lib/go-xla/nvidia/pjrt_c_api_cuda_plugin.so",
		".local/lib/go-xla/readme.txt")
	touch(t, venv, "lib/python3.12/site-packages/jax_plugins/xla_cuda12/xla_cuda_plugin.so",
		"lib/python3.12/site-packages/jax_plugins/xla_cuda12/__init__.py")
	touch(t, conda, "lib/python3.13/site-packages/jax_plugins/xla_cuda13/xla_cuda_plugin.so")
	touch(t, home, "env/bin/python3", "env/lib64/python3.11/site-packages/xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so",
		".pyenv/versions/3.12.1/lib/python3.12/site-packages/some_pjrt_cpu/pjrt_c_api_cpu_plugin.so",
		// no package with plugins
		".pyenv/versions/3.12.1/lib/python3.12/site-packages/another/pjrt_c_api_cpu_plugin.so")
	link := filepath.Join(home, "python3")
	if err := os.Symlink(filepath.Join(home, "env/bin/python3"), link); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"VIRTUAL_ENV": venv, "CONDA_PREFIX": conda}
	folders := pluginFolders(func(name string) string { return env[name] }, home, link)
	var got []string
	for _, p := range findPlugins(folders) {
		for where, dir := range map[string]string{"home": home, "venv": venv, "conda": conda} {
			if rest, ours := strings.CutPrefix(p.Path, dir+"/"); ours {
				got = append(got, p.Name+" of "+where+", "+filepath.Base(filepath.Dir(rest)))
			}
		}
	}
	want := []string{"cpu_v0.83.1 of home, go-xla", "cuda of home, nvidia", "cuda of venv, xla_cuda12",
		"cuda of conda, xla_cuda13", "cpu of home, xla_cpu_pjrt", "cpu of home, some_pjrt_cpu"}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}

	env["PJRT_PLUGIN_LIBRARY_PATH"] = filepath.Join(home, "elsewhere") + string(filepath.ListSeparator) + "relative"
	folders = pluginFolders(func(name string) string { return env[name] }, home, "")
	if folders[0] != filepath.Join(home, "elsewhere") ||
		slices.ContainsFunc(folders, func(f string) bool { return strings.Contains(f, "go-xla") }) {
		t.Errorf("searched %v, want the folder that is given in place of go-xla's", folders)
	}
}

func TestChoosePlugin(t *testing.T) {
	cpu, old, cuda, rocm := Plugin{"cpu", "/1"}, Plugin{"cpu_v0.83.1", "/2"}, Plugin{"cuda", "/3"}, Plugin{"rocm", "/4"}
	for _, c := range []struct {
		name   string
		found  []Plugin
		device bool
		want   Plugin
	}{
		{"cuda", []Plugin{cpu, cuda}, false, cuda}, // as it was asked for, its own complaint is the best
		{"cpu", []Plugin{old, cuda}, false, old},
		{"cpu", []Plugin{cuda, cpu, old}, true, cpu},
		{"", []Plugin{cpu, cuda}, true, cuda},
		{"", []Plugin{cuda, cpu}, false, cpu},
		{"", []Plugin{cuda, rocm}, false, rocm},
		{"", []Plugin{cuda}, false, Plugin{}},
		{"cud", []Plugin{cuda}, true, Plugin{}},
		{"cuda", nil, true, Plugin{}},
	} {
		got, err := choosePlugin(c.name, c.found, []string{"/here", "/there"}, c.device)
		if got != c.want || (err != nil) != (c.want == Plugin{}) {
			t.Errorf("%q of %v: got %v, %v, want %v", c.name, c.found, got, err, c.want)
		}
		if err != nil && (!errors.Is(err, ErrPlugin) || !strings.Contains(err.Error(), "/here, /there")) {
			t.Errorf("%q of %v: got %q, want an ErrPlugin with the places", c.name, c.found, err)
		}
	}
}

func TestResolvePlugin(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	touch(t, dir, "xla_cuda_plugin.so", "my.so", "a,b.so")
	for _, c := range []struct{ spec, file, name, path, options string }{
		{filepath.Join(dir, "xla_cuda_plugin.so") + ",preallocate=true", "", "cuda", "xla_cuda_plugin.so",
			",preallocate=true"},
		{"", "xla_cuda_plugin.so", "cuda", "xla_cuda_plugin.so", ""},
		{"", "my.so", "my", "my.so", ""},
		{"cuda,a,b=1", "./my.so", "cuda", "my.so", ",a,b=1"},
	} {
		p, options, err := resolvePlugin(c.spec, c.file)
		if want := (Plugin{c.name, filepath.Join(dir, c.path)}); err != nil || p != want || options != c.options {
			t.Errorf("%q, %q: got %v, %q, %v, want %v, %q", c.spec, c.file, p, options, err, want, c.options)
		}
	}
	for _, file := range []string{"missing.so", ".", "a,b.so"} {
		if p, _, err := resolvePlugin("", file); !errors.Is(err, ErrPlugin) {
			t.Errorf("%s: got %v, %v, want an ErrPlugin", file, p, err)
		}
	}
}

// TestNoPlugin: a file that is no library is an error with its name, in builds with and without cgo.
func TestNoPlugin(t *testing.T) {
	dir := t.TempDir()
	touch(t, dir, "xla_cuda_plugin.so", "jax_plugins/xla_cuda12/xla_cuda_plugin.so")
	t.Setenv("XLA_FLAGS", "")
	t.Setenv("GOPJRT_CUDA_CHECKS", "")
	for _, file := range []string{"xla_cuda_plugin.so", "jax_plugins/xla_cuda12/xla_cuda_plugin.so"} {
		_, err := Config{Backend: "xla", Plugin: filepath.Join(dir, file)}.Open()
		if !errors.Is(err, ErrBackend) || !strings.Contains(err.Error(), file) &&
			!strings.Contains(err.Error(), "cgo") {
			t.Errorf("%s: got %v, want an ErrBackend with the file's name", file, err)
		}
	}
	config := Config{Backend: "cpu", Plugin: filepath.Join(dir, "xla_cuda_plugin.so")}
	if _, err := config.Open(); !errors.Is(err, ErrBackend) {
		t.Errorf("got %v, want that cpu takes no plugin", err)
	}
}
