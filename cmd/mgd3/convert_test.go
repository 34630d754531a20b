package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/internal/fixtures/pytorch"
	"mgd3/weights"
)

// TestConvertExitCodes: what is wrong with the input, the flags and the output is told apart, and leaves no file.
func TestConvertExitCodes(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	large := []weights.Tensor{weights.F32("fc.weight", []int{2}, []float32{1, 1e5})}
	harmful := pytorch.Archive{Folder: "x", Object: pytorch.Pairs("x",
		pytorch.Call{Function: pytorch.Global("os system"), Args: pytorch.Tuple{"true"}})}
	for name, content := range map[string][]byte{"large.pth": pytorch.Torch(large, nil).Zip(),
		"harmful.pt": harmful.Zip(), "folder": nil} {
		if err := os.WriteFile(in(name), content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		args []string
		want int
		says []string
	}{
		{"harmful", []string{in("harmful.pt"), in("out.safetensors")}, exitModel,
			[]string{"harmful.pt", `"os.system", which no weights need`}},
		{"out of range", []string{in("large.pth"), in("out.safetensors"), "--half"}, exitModel,
			[]string{"large.pth", `tensor "fc.weight": element 1 is 100000`, "hint: --bf16"}},
		{"no input", []string{in("none"), in("out.safetensors")}, exitModel, []string{"none"}},
		{"shards of nothing", []string{in("large.pth"), in("out.safetensors"), "--shard", "0"}, exitUsage,
			[]string{`--shard is "0"`}},
		{"no folder for the output", []string{in("large.pth"), filepath.Join(in("folder"), "out.safetensors")},
			exitOutput, []string{"folder"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if got := run(append([]string{"convert"}, c.args...), &stdout, &stderr); got != c.want {
				t.Errorf("got exit code %d, want %d", got, c.want)
			}
			for _, w := range c.says {
				if !strings.Contains(stderr.String(), w) {
					t.Errorf("no %q in:\n%s", w, &stderr)
				}
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 3 {
				t.Errorf("the folder holds %v, %v, want the three inputs", entries, err)
			}
		})
	}
}
