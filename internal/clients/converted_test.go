package clients

import (
	"path/filepath"
	"strings"
	"testing"

	"mgd3/convert"
)

// converted: what convert makes of files of torch.save is, opened by safetensors, what torch.load finds in theirs.py's
// files themselves: whole, in half precision, in shards with their index, and under the names of the DiT programs.
func converted(t *testing.T, dir string) {
	for _, o := range []convert.Options{
		{In: "state.pt", Out: "state.converted.safetensors"},
		{In: "torchvision.pth", Out: "torchvision.converted.safetensors"},
		{In: "timm.pth", Out: "timm.converted.safetensors", DType: "F16"},
		{In: "vae.bin", Out: "vae.converted", MaxShard: 100_000},
		{In: "transformer", Out: "transformer.dit", Names: convert.DiT},
		{In: "transformer.dit", Out: "transformer.converted", Names: convert.Diffusers},
	} {
		o.In, o.Out = filepath.Join(dir, o.In), filepath.Join(dir, o.Out)
		if _, err := convert.Write(t.Context(), o); err != nil {
			t.Fatalf("%+v: %v", o, err)
		}
	}
	lines := strings.Split(strings.TrimSpace(python(t, "converted.py", dir)), "\n")
	if len(lines) != 6 {
		t.Errorf("got %d lines, want 6", len(lines))
	}
	for _, line := range lines {
		if t.Log(line); !strings.HasPrefix(line, "ok ") {
			t.Error(line)
		}
	}
}
