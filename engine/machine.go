package engine

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Machine says on what the backend computes where other devices and other plugins of the same name may give other
// bytes, as of xla: the plugin's package and version of PJRT, and the device. It is "" elsewhere, and knows no path.
func (e *Engine) Machine() string { return e.machine }

// machineOf describes a plugin, which calls itself description, and its first device.
func machineOf(p Plugin, description, device string) string {
	var parts []string
	if name := packageOf(p.Path); name != "" {
		parts = append(parts, name)
	}
	if m := pjrtVersion.FindStringSubmatch(description); m != nil {
		parts = append(parts, "PJRT "+m[1])
	}
	models := fieldsOf("/proc/driver/nvidia/gpus/*/information", "Model")
	if p.kind() == "cpu" {
		models = fieldsOf("/proc/cpuinfo", "model name")
	} else if !p.isCUDA() {
		models = nil
	}
	if len(models) == 0 {
		models = []string{device}
	}
	return strings.Join(append(parts, models...), ", ")
}

var pjrtVersion = regexp.MustCompile(`\) v([0-9]+\.[0-9]+)`)

// packageOf returns name and version of the Python package that a file was installed by, as its dist-info folder has
// them; "" if there is none.
func packageOf(path string) string {
	for dir := filepath.Dir(path); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if base := filepath.Base(dir); base != sitePackages && base != distPackages {
			continue
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return ""
		}
		records, _ := filepath.Glob(filepath.Join(dir, "*.dist-info", "RECORD")) // the only error is of the pattern
		for _, record := range records {
			text, err := os.ReadFile(record)
			if err == nil && strings.Contains("\n"+string(text), "\n"+filepath.ToSlash(name)+",") {
				return strings.TrimSuffix(filepath.Base(filepath.Dir(record)), ".dist-info")
			}
		}
	}
	return ""
}

// fieldsOf returns what the lines "name: value" of the system's files say, each value once.
func fieldsOf(pattern, name string) (values []string) {
	files, _ := filepath.Glob(pattern)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			key, value, ok := strings.Cut(line, ":")
			if value = strings.Join(strings.Fields(value), " "); ok && strings.TrimSpace(key) == name && value != "" {
				values = append(values, value)
			}
		}
	}
	slices.Sort(values)
	return slices.Compact(values)
}
