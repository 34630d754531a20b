package distill

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/internal/fixtures/testengine"
	"mgd3/stage/atomicfile"
	"mgd3/stage/numbers"
	"mgd3/weights"
)

// rewrite writes a sample's file again, with what else is to be said about it.
func rewrite(t *testing.T, path, device string) {
	t.Helper()
	f, _, err := numbers.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tensor, err := f.Tensor("latent")
	if err != nil {
		t.Fatal(err)
	}
	data, err := tensor.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	about := map[string]string{"key": f.Metadata()["key"], "image": f.Metadata()["image"]}
	if device != "" {
		about["device"] = device
	}
	if err := atomicfile.Write(path, func(w io.Writer) error {
		return weights.WriteSealedTensors(w, []weights.Tensor{weights.F32("latent", tensor.Shape, data)}, about)
	}); err != nil {
		t.Fatal(err)
	}
}

// TestDevices: the manifest lists what the images were sampled on, each once, where bytes depend on it. Samples of
// versions before name none, and their manifests stay as they are; nothing is made again for it.
func TestDevices(t *testing.T) {
	r := tinyRun(t, 3)
	m, err := r.Do(t.Context())
	if err != nil || m == nil {
		t.Fatal(m, err)
	}
	if xla := testengine.IsXLA(); (len(m.Devices) == 1) != xla || !xla && len(m.Devices) > 0 ||
		xla && m.Devices[0] != r.Engine.Machine() {
		t.Errorf("the manifest has the devices %q, the machine is %q", m.Devices, r.Engine.Machine())
	}
	sample := func(class, index int) string {
		return image{class: r.Data.Classes[class].Name, index: index}.latent(r.Out)
	}
	for class := range r.Data.Classes {
		for index := range r.Settings.Modes.IPC {
			rewrite(t, sample(class, index), "")
		}
	}
	for _, step := range []struct {
		class, index int
		device       string
		want         []string
	}{
		{0, 0, "", nil}, // all are of a version before
		{2, 1, "PJRT 0.115, H100", []string{"PJRT 0.115, H100"}},
		{1, 0, "PJRT 0.115, A100", []string{"PJRT 0.115, A100", "PJRT 0.115, H100"}},
		{0, 1, "PJRT 0.115, H100", []string{"PJRT 0.115, A100", "PJRT 0.115, H100"}},
	} {
		rewrite(t, sample(step.class, step.index), step.device)
		m, err := r.Do(t.Context())
		if err != nil || !slices.Equal(m.Devices, step.want) {
			t.Errorf("got the devices %q, %v, want %q", m.Devices, err, step.want)
		}
		text, err := os.ReadFile(filepath.Join(r.Out, manifestName))
		if err != nil || strings.Contains(string(text), `"devices"`) != (step.want != nil) {
			t.Errorf("the manifest's text: %v\n%s", err, text)
		}
		if faults, unchecked, err := Verify(t.Context(), r.Out); err != nil || len(faults)+len(unchecked) > 0 {
			t.Errorf("with devices %q: faults %q, unchecked %q, %v", step.want, faults, unchecked, err)
		}
	}
}
