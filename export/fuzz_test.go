package export

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"mgd3/distill"
)

// FuzzManifest: whatever a manifest says, the set is exported and is whole, or an ErrSet or ErrChanged says why not,
// and nothing is left beside the output.
func FuzzManifest(f *testing.F) {
	data := picturePNG(f, 0, 0)
	good := fmt.Sprintf(`{"format": 1, "classes": [{"name": "cat", "images": [{"file": "images/cat/0.png",
		"sha256": "%x"}]}]}`, sha256.Sum256(data))
	f.Add([]byte(good))
	f.Add([]byte(`{"format": 1, "classes": [{"name": "..", "images": [{"file": "images/../x.png", "sha256": ""}]}]}`))
	f.Add([]byte(`{"format": 1, "classes": [{"name": "cat", "images": [{"file": "images/cat/0000.png/"}, null, []]}]}`))
	f.Add([]byte(`{"format": 1, "classes": null}`))
	f.Fuzz(func(t *testing.T, manifest []byte) {
		dir, place := t.TempDir(), t.TempDir()
		put(t, filepath.Join(dir, "images", "cat", "0.png"), data)
		put(t, filepath.Join(dir, manifestName), manifest)
		out := filepath.Join(place, "out")
		_, err := Write(t.Context(), dir, out, Options{Format: Folder})
		switch {
		case err == nil:
			wantAlone(t, out)
			if faults, _, err := distill.Verify(t.Context(), out); err != nil || len(faults) > 0 {
				t.Errorf("verify: %v, %v", faults, err)
			}
		case !errors.Is(err, ErrSet) && !errors.Is(err, ErrChanged):
			t.Errorf("got error %v, want an ErrSet or an ErrChanged", err)
		default:
			if left, _ := os.ReadDir(place); len(left) > 0 {
				t.Errorf("left %v behind", left)
			}
		}
	})
}
