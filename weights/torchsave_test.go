package weights_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/weights"
)

// torchSaved returns the files by their names.
func torchSaved(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/torchsave/*.pt")
	if err != nil || len(paths) != 18 {
		t.Fatalf("%d files, %v, want 18", len(paths), err)
	}
	files := map[string][]byte{}
	for _, path := range paths {
		if files[filepath.Base(path)], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// TestTorchSave reads files of torch.save's, of all protocols and both kinds, in the containers that trainings write
// and beside objects of many classes. make.py beside them wrote them, and says what is in them.
func TestTorchSave(t *testing.T) {
	for name, content := range torchSaved(t) {
		t.Run(name, func(t *testing.T) {
			f, err := openBytes(content)
			if strings.HasPrefix(name, "module-") {
				wantFormat(t, err, `"torch.nn.modules.linear.Linear"`, "save its state_dict")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			set, err := weights.DiT(f) // takes off what wraps the names
			if err != nil {
				t.Fatal(err)
			}
			if want := []string{"b", "n", "w"}; !slices.Equal(set.Names(), want) {
				t.Fatalf("has %q, want %q", set.Names(), want)
			}
			for name, want := range map[string][]float32{"w": {0, 0.25, 0.5, 0.125, 0.375, 0.625}, "b": {12, 13}} {
				if have, err := set.Float32s(name); err != nil || !slices.Equal(have, want) {
					t.Errorf("%s is %v, %v, want %v", name, have, err, want)
				}
			}
			if shape, _ := set.Shape("w"); !slices.Equal(shape, []int{2, 3}) {
				t.Errorf("w has shape %v, want [2 3]", shape)
			}
		})
	}
}

// TestOtherPickles: what Python's pickle.dump writes is not taken for torch.save's.
func TestOtherPickles(t *testing.T) {
	for _, name := range []string{"pickle-0.pkl", "pickle-4.pkl"} {
		f, err := weights.Open(filepath.Join("testdata/torchsave", name))
		if err == nil {
			f.Close()
		}
		wantFormat(t, err, "a pickle, but not one of torch.save's")
	}
}

// TestTorchSaveCut: every beginning of a file is refused, not read in part.
func TestTorchSaveCut(t *testing.T) {
	files := torchSaved(t)
	for _, name := range []string{"odds-old-4.pt", "plain-old-5.pt", "plain-zip-4.pt"} {
		content := files[name]
		for n := range content {
			if f, err := openBytes(content[:n]); err == nil || !errors.Is(err, weights.ErrFormat) {
				t.Errorf("%s, the first %d of %d bytes: %v, %v, want one that wraps %q", name, n, len(content), f, err,
					weights.ErrFormat)
			}
		}
	}
}
