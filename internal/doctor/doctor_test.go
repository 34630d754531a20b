package doctor

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write makes a file below dir.
func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestExamine: machines that differ in one thing, and what is said of it.
func TestExamine(t *testing.T) {
	const driver = "NVRM version: NVIDIA UNIX  x86_64 Kernel Module  575.51\nGCC version: 12\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		env   map[string]string
		fact  string
		state State
		says  string // of value and advice
	}{
		{"memory", map[string]string{"proc/meminfo": "MemTotal: 16777216 kB\nMemAvailable: 8388608 kB\n"}, nil,
			"free now", Good, "8.0 GiB"},
		{"little memory", map[string]string{"proc/meminfo": "MemTotal: 4194304 kB\nMemAvailable: 2097152 kB\n"}, nil,
			"free now", Tight, "--low-memory"},
		{"very little", map[string]string{"proc/meminfo": "MemTotal: 4194304 kB\nMemAvailable: 102400 kB\n"}, nil,
			"free now", Tight, "100 MiB"},
		{"no word of memory", nil, nil, "total", Absent, "does not tell"},
		{"no GPU", nil, nil, "NVIDIA", Absent, "no driver"},
		{"a GPU", map[string]string{"proc/driver/nvidia/version": driver, "dev/nvidia0": "", "dev/nvidiactl": ""}, nil,
			"NVIDIA", Good, "1 devices; NVRM version: NVIDIA UNIX x86_64 Kernel Module 575.51"},
		{"a container without its GPU", map[string]string{"proc/driver/nvidia/version": driver}, nil, "NVIDIA", Problem,
			"--gpus all"},
		{"a GPU without its driver", map[string]string{"dev/nvidia0": ""}, nil, "NVIDIA", Problem,
			"install the driver"},
		{"sbatch", nil, nil, "sbatch", Good, "/opt/sbatch"},
		{"kubectl", nil, nil, "kubectl", Absent, "the YAML is printed"},
		{"offline", nil, map[string]string{"HF_HUB_OFFLINE": "1"}, "hub", Good, "HF_HUB_OFFLINE"},
		{"credentials", nil, map[string]string{"AWS_ACCESS_KEY_ID": "AKIASECRET"}, "buckets", Good,
			"AWS_ACCESS_KEY_ID"},
		{"a file for a folder", map[string]string{"cache": ""}, nil, "cache of pull", Problem, "is no folder"},
		{"a folder to make", nil, nil, "cache of pull", "", "made when it is needed"}, // the room decides the state
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range c.files {
				write(t, dir, name, text)
			}
			m := Machine{Proc: filepath.Join(dir, "proc"), Dev: filepath.Join(dir, "dev"),
				Cache: filepath.Join(dir, "cache"), Env: func(name string) string { return c.env[name] },
				Look: func(name string) (string, error) {
					if name == "sbatch" {
						return "/opt/sbatch", nil
					}
					return "", errors.New("not found")
				}}
			r := m.Examine("1.2.3")
			var text strings.Builder
			if err := r.Text(&text); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(text.String(), "SECRET") {
				t.Errorf("the report shows a secret:\n%s", &text)
			}
			for _, f := range r.Facts {
				if f.Name != c.fact {
					continue
				}
				said := f.Value + "\n" + f.Advice
				if c.state != "" && f.State != c.state || !strings.Contains(said, c.says) {
					t.Errorf("%+v, want the state %q and %q", f, c.state, c.says)
				}
				if f.State != Good && f.State != Absent && f.Advice == "" {
					t.Errorf("%+v: no advice", f)
				}
				if !strings.Contains(text.String(), f.Value) || !strings.Contains(text.String(), f.Advice) {
					t.Errorf("the text lacks %+v:\n%s", f, &text)
				}
				return
			}
			t.Errorf("nothing is said of %q", c.fact)
		})
	}
}

// TestNoCache: a machine without a home has no folder for the cache, which is one problem.
func TestNoCache(t *testing.T) {
	r := Machine{Proc: t.TempDir(), Dev: t.TempDir()}.Examine("")
	if list := r.Problems(); len(list) != 1 || list[0].Name != "cache of pull" {
		t.Errorf("got the problems %+v, want that of the cache", list)
	}
}

func TestInstructions(t *testing.T) {
	for _, c := range []struct {
		arch               string
		avx2, avx512, bf16 bool
		want               string
		state              State
	}{
		{"amd64", true, true, true, "AVX-512, with BF16 for --precision bf16", Good},
		{"amd64", true, true, false, "AVX-512", Good},
		{"amd64", true, false, false, "AVX2", Good},
		{"amd64", false, false, false, "plain Go alone", Tight},
		{"arm64", false, false, false, "plain Go alone", Tight},
	} {
		if f := instructions(c.arch, c.avx2, c.avx512, c.bf16); f.Value != c.want || f.State != c.state {
			t.Errorf("%+v: got %+v", c, f)
		}
	}
}

// TestFolder: a folder that nobody may write is a problem, for all but root.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	want := Problem
	if os.Geteuid() == 0 {
		want = Good // nothing is closed to root
	}
	if f := folder("x", dir, "elsewhere"); (f.State == Problem) != (want == Problem) {
		t.Errorf("got %+v", f)
	}
}
