package distill

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/encode"
	"mgd3/latent"
	"mgd3/matrix"
	"mgd3/modes"
	"mgd3/stage"
)

// FuzzReadModes: whatever is in a modes file, what is accepted can be used: the parts belong
// together and nearest points at names.
func FuzzReadModes(f *testing.F) {
	seed := filepath.Join(f.TempDir(), "seed")
	c := modes.Clustering{
		Centres:    matrix.Matrix{Rows: 2, Cols: 3, Data: []float32{1, 2, 3, 4, 5, 6}},
		Assignment: []int{0, 1, 1}, Sizes: []int{1, 2}, Nearest: []int{0, 2},
	}
	if err := writeModes(seed, "key", c, &latent.Class{Names: []string{"a", "b", "c"},
		Skipped: []latent.Skipped{{Name: "d", Reason: "no"}}}); err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(seed)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	for _, change := range [][2]string{
		{`[2,3]`, `[3,2]`}, {`[2,3]`, `[1,6]`}, {`owner`, `ownex`}, {`\"c\"`, `\"cc`}, {`"I64"`, `"F64"`},
		{`key`, `kez`},
	} {
		f.Add([]byte(strings.Replace(string(data), change[0], change[1], 1)))
	}
	f.Add(data[:len(data)-1])
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "modes.safetensors")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		m, err := readModes(path, 2, 3)
		if err != nil {
			return
		}
		for j := range 2 {
			_ = m.Names[m.Nearest[j]]
			_ = m.Sizes[j]
			m.distance(make([]float32, 3), j)
		}
		if len(m.Assignment) != len(m.Names) {
			t.Errorf("accepted %d assignments for %d names", len(m.Assignment), len(m.Names))
		}
	})
}

// FuzzSettings: whatever is in a settings file, what is accepted names no file outside the folder and
// has the shapes that are used without looking.
func FuzzSettings(f *testing.F) {
	good := samplesRecord{
		Modes: modesRecord{
			ModeSettings{IPC: 2, Method: modes.KMeans, Short: modes.ShortError},
			encode.Record{Settings: encode.Settings{Size: 8, Crop: encode.CropADM}, Classes: []string{"cat"},
				Shape: []int{4, 2, 2}},
		},
		Labels: []int32{0},
	}
	text, err := json.Marshal(good)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	for _, change := range [][2]string{
		{`"cat"`, `"../cat"`}, {`"cat"`, `".."`}, {`"cat"`, `""`}, {`"cat"`, `"a/b"`}, {`"cat"`, `"cat","dog"`},
		{`[4,2,2]`, `[4,2]`},
		{`[4,2,2]`, `[4,-2,-2]`}, {`"ipc":2`, `"ipc":-2`}, {`{`, `[`},
	} {
		f.Add(strings.Replace(string(text), change[0], change[1], 1))
	}
	f.Fuzz(func(t *testing.T, text string) {
		var c samplesRecord
		if json.Unmarshal([]byte(text), &c) != nil || c.Check() != nil {
			return
		}
		const dir = "run" // nothing is written
		for i, class := range c.Modes.Latents.Classes {
			_ = c.Labels[i]
			if path := encode.File(dir, class); filepath.Dir(path) != dir {
				t.Errorf("class %q lies at %s", class, path)
			}
		}
		if shape := [3]int(c.Modes.Latents.Shape); shape[0]*shape[1]*shape[2] == 0 || c.Modes.Settings.IPC < 1 {
			t.Errorf("accepted %+v", c)
		}
	})
}

// TestClaimsAreChecked: a shard from elsewhere cannot name files outside the folder.
func TestClaimsAreChecked(t *testing.T) {
	good := encode.Record{Settings: encode.Settings{Size: 8, Crop: encode.CropADM}, Classes: []string{"cat"},
		Shape: []int{4, 2, 2}}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for _, class := range []string{"", ".", "..", "../cat", "a/b", `a\b`, "/cat"} {
		bad := good
		bad.Classes = []string{class}
		if err := bad.Check(); err == nil {
			t.Errorf("class %q is accepted", class)
		}
	}
	dir := filepath.Join(t.TempDir(), "shard")
	text := `{"modes": {"settings": {"ipc": 1, "method": "kmeans", "short": "error"},
		"latents": {"settings": {"size": 8, "crop": "adm"},
		"classes": ["../../evil"], "shape": [4, 2, 2]}}, "labels": [0]}`
	if err := errors.Join(os.MkdirAll(samplesDir(dir), 0o755),
		os.WriteFile(filepath.Join(samplesDir(dir), stage.SettingsFile), []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
	if _, err := Merge(t.Context(), filepath.Join(t.TempDir(), "out"), []string{dir}, func(string) {}); err == nil ||
		!strings.Contains(err.Error(), "../../evil") {
		t.Errorf("got error %v, want one that names the class", err)
	}
}
