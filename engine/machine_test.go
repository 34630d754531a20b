package engine

import (
	"os"
	"path/filepath"
	"testing"
)

// TestMachine: package, interface and device of a plugin, as far as the system tells them; never a path.
func TestMachine(t *testing.T) {
	site := filepath.Join(t.TempDir(), "lib", "python3.12", "site-packages")
	write := func(name, text string) string {
		path := filepath.Join(site, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	installed := write("jax_plugins/xla_rocm7/xla_rocm_plugin.so", "")
	write("jax_rocm7_pjrt-0.11.2.dist-info/RECORD",
		"jax_plugins/xla_rocm7/__init__.py,sha256=x,1\njax_plugins/xla_rocm7/xla_rocm_plugin.so,sha256=x,1\n")
	write("other-1.0.dist-info/RECORD", "other/jax_plugins/xla_rocm7/xla_rocm_plugin.so.txt,sha256=x,1\n")
	alone := write("elsewhere/xla_rocm_plugin.so", "")
	for _, c := range []struct{ path, description, want string }{
		{installed, "xla:rocm - PJRT plugin (/a/b) v0.115 [StableHLO]", "jax_rocm7_pjrt-0.11.2, PJRT 0.115, rocm:0"},
		{alone, "xla:rocm - PJRT plugin (/a/b) v0.104", "PJRT 0.104, rocm:0"},
		{"/opt/xla_rocm_plugin.so", "of another form", "rocm:0"},
	} {
		if got := machineOf(Plugin{"rocm", c.path}, c.description, "rocm:0"); got != c.want {
			t.Errorf("%s: got %q, want %q", c.path, got, c.want)
		}
	}
	info := write("gpus/0/information", "Model: \t\t NVIDIA  H100\nIRQ: 3\n")
	write("gpus/1/information", "Model: NVIDIA H100\n")
	pattern := filepath.Join(filepath.Dir(filepath.Dir(info)), "*", "information")
	if got := fieldsOf(pattern, "Model"); len(got) != 1 || got[0] != "NVIDIA H100" {
		t.Errorf("got the models %q, want one", got)
	}
	for _, name := range []string{"cpu", "go"} {
		e, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Machine(); got != "" {
			t.Errorf("%s: got the machine %q, want none: bytes do not depend on it", name, got)
		}
		e.Close()
	}
}
