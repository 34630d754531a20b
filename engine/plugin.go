package engine

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// Plugins of PJRT are shared libraries, one per kind of device. Their file names say which:
//
//	pjrt_c_api_NAME_plugin.so, pjrt_plugin_NAME.so     as go-xla's installer and OpenXLA's builds name them
//	jax_plugins/*/xla_NAME_plugin.so                   in JAX's pip packages
//	xla_plugins/*/xla_NAME_pjrt.so, libpjrt_NAME.so    in other pip packages
//
// go-xla's own search knows only the first line and loads every file that it looks at; ours loads none.

// ErrPlugin is in the chain of errors that say which plugin is not there, or not usable.
var ErrPlugin = errors.New("PJRT plugin")

// Plugin is a PJRT plugin on this machine.
type Plugin struct {
	Name string `json:"name"` // of the kind of device: cuda, cpu, rocm
	Path string `json:"path"` // absolute
}

// kind is the plugin's name without a version, cpu of cpu_v0.83.1: results depend on it, not on where it lies.
func (p Plugin) kind() string {
	kind, _, _ := strings.Cut(p.Name, "_v")
	return kind
}

// isCUDA tells whether the plugin is for NVIDIA GPUs.
func (p Plugin) isCUDA() bool { return p.kind() == "cuda" }

// Plugins lists the plugins on this machine by looking at file names, in the order of the folders that were searched,
// which may not exist.
func Plugins() (found []Plugin, searched []string) {
	home, _ := os.UserHomeDir()
	python, _ := exec.LookPath("python3")
	searched = pluginFolders(os.Getenv, home, python)
	return findPlugins(searched), searched
}

// pluginFolders lists where plugins may be: go-xla's folders or those of PJRT_PLUGIN_LIBRARY_PATH, LD_LIBRARY_PATH,
// and the Python packages of the virtual environment, of conda, of python3, of the user and of the system. A star
// stands for all folders.
func pluginFolders(env func(string) string, home, python string) []string {
	var folders []string
	add := func(parts ...string) {
		if path := filepath.Join(parts...); filepath.IsAbs(path) && !slices.Contains(folders, path) {
			folders = append(folders, path)
		}
	}
	if given := filepath.SplitList(env("PJRT_PLUGIN_LIBRARY_PATH")); len(given) > 0 {
		for _, path := range given {
			add(path)
		}
	} else {
		for _, lib := range []string{filepath.Join(home, ".local", "lib"), "/usr/local/lib"} {
			add(lib, "go-xla")
			add(lib, "go-xla", "nvidia")
			add(lib, "gomlx", "pjrt")
		}
		if runtime.GOOS == "darwin" {
			add(home, "Library", "Application Support", "go-xla")
		}
	}
	for _, path := range filepath.SplitList(env("LD_LIBRARY_PATH")) {
		add(path)
	}
	prefixes := []string{env("VIRTUAL_ENV"), env("CONDA_PREFIX")}
	if python != "" {
		prefixes = append(prefixes, filepath.Dir(filepath.Dir(python)))
		// of a link in ~/bin, say, to the python3 of an environment
		if target, err := filepath.EvalSymlinks(python); err == nil {
			prefixes = append(prefixes, filepath.Dir(filepath.Dir(target)))
		}
	}
	prefixes = append(prefixes, filepath.Join(env("PYENV_ROOT"), "versions", "*"),
		filepath.Join(home, ".pyenv", "versions", "*"))
	for _, prefix := range append(prefixes, filepath.Join(home, ".local"), "/usr/local", "/usr") {
		add(prefix, "lib*", "python3*", sitePackages)
		if strings.HasPrefix(prefix, "/usr") {
			add(prefix, "lib*", "python3*", distPackages)
		}
	}
	return folders
}

// The folders of Python packages, and in them those that hold plugins.
const sitePackages, distPackages = "site-packages", "dist-packages"

var pluginPackages = []string{"jax_plugins/*", "xla_plugins/*", "*pjrt*", "*xla_cpu*"}

func findPlugins(folders []string) []Plugin {
	var found []Plugin
	for _, folder := range folders {
		within := []string{""}
		if base := filepath.Base(folder); base == sitePackages || base == distPackages {
			within = pluginPackages
		}
		for _, packages := range within {
			paths, _ := filepath.Glob(filepath.Join(folder, packages, "*")) // the only error is of the pattern
			for _, path := range paths {
				name := pluginName(path)
				info, err := os.Stat(path)
				if name == "" || err != nil || info.IsDir() || slices.Contains(found, Plugin{name, path}) {
					continue
				}
				found = append(found, Plugin{name, path})
			}
		}
	}
	return found
}

var pluginNames = []*regexp.Regexp{
	regexp.MustCompile(`^pjrt_c_api_(.+)_plugin\.(so|dylib)$`),
	regexp.MustCompile(`^pjrt[-_]plugin[-_](.+)\.(so|dylib)$`),
	regexp.MustCompile(`^xla_(.+)_plugin\.(so|dylib)$`),
	regexp.MustCompile(`^xla_(.+)_pjrt\.(so|dylib)$`),
	regexp.MustCompile(`^libpjrt_(.+)\.(so|dylib)$`),
}

// pluginName returns the NAME in a plugin's file name, "" if it is not named like one.
func pluginName(path string) string {
	for _, pattern := range pluginNames {
		if m := pattern.FindStringSubmatch(filepath.Base(path)); m != nil {
			return m[1]
		}
	}
	return ""
}

// choosePlugin returns the first of found that has the name, whatever its version; without a name cuda where there is
// an NVIDIA device, then cpu, then any. None is an [ErrPlugin] that says where it was looked for.
func choosePlugin(name string, found []Plugin, searched []string, device bool) (Plugin, error) {
	wanted := []string{name}
	if name == "" {
		wanted = []string{"cpu", ""}
		if device {
			wanted = []string{"cuda", "cpu", ""}
		}
	}
	for _, want := range wanted {
		for _, p := range found {
			if want == p.Name || want == "" && p.Name != "cuda" || want != "" && strings.HasPrefix(p.Name, want+"_v") {
				return p, nil
			}
		}
	}
	var others []string
	for _, p := range found {
		others = append(others, fmt.Sprintf("%s (%s)", p.Name, p.Path))
	}
	what := fmt.Sprintf("none is named %q", name)
	if name == "" {
		what = "none fits this machine"
	}
	return Plugin{}, fmt.Errorf("%w: %s; found %s; searched %s",
		ErrPlugin, what, cmp.Or(strings.Join(others, ", "), "nothing"), strings.Join(searched, ", "))
}

// givenPlugin is the plugin in a file that the user names. name is what the user calls it, or "".
func givenPlugin(name, file string) (Plugin, error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return Plugin{}, fmt.Errorf("%w: %w", ErrPlugin, err)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s is not a file", path)
	case strings.Contains(path, ","):
		err = fmt.Errorf("%s: go-xla takes no path with a comma", path)
	}
	if err != nil {
		return Plugin{}, fmt.Errorf("%w: %w", ErrPlugin, err)
	}
	stem := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	return Plugin{cmp.Or(name, pluginName(path), stem), path}, nil
}

// resolvePlugin reads what follows "xla:", NAME, a path or nothing, and options after commas, and returns the
// plugin that is meant. file, if not "", is the plugin's file.
func resolvePlugin(spec, file string) (p Plugin, options string, err error) {
	name, rest, some := strings.Cut(spec, ",")
	if some {
		options = "," + rest
	}
	switch {
	case file != "":
		p, err = givenPlugin(name, file)
	case filepath.IsAbs(name):
		p, err = givenPlugin("", name)
	default:
		found, searched := Plugins()
		p, err = choosePlugin(name, found, searched, hasNVIDIA())
	}
	return p, options, err
}

// hasNVIDIA reports whether the system shows an NVIDIA device: that of Linux, or of Linux inside Windows.
func hasNVIDIA() bool {
	for _, pattern := range []string{"/dev/nvidia[0-9]*", "/dev/nvidiactl", "/dev/dxg"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return true
		}
	}
	return false
}
