package serve

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"mgd3/internal/fixtures/storetest"
	_ "mgd3/store/clouds"
)

// TestBucket: a run in a bucket is shown as one on a disk is, while it goes on and when it is done, and decided about.
func TestBucket(t *testing.T) {
	dir := runFolder(t, 2)
	for _, done := range []bool{false, true} {
		bucket := storetest.New(t)
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !done && e.Name() == "manifest.json" {
				return err
			}
			data, err := os.ReadFile(path)
			name, _ := filepath.Rel(dir, path)
			bucket.Put("run/"+filepath.ToSlash(name), data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		s := open(t, Options{Dir: bucket.Path("run"), Edit: done})
		st := follow(t, s, func(st State) bool { return st.Images > 0 })
		path := "/made/0"
		if done {
			path = "/image/0"
			if code, a := post(s, "/decide", map[string]any{"image": 0, "verdict": "reject"}); code != http.StatusOK {
				t.Errorf("a decision: got %d, %v", code, a)
			}
		}
		if w := ask(s, nil, path); st.Done != done || w.Code != http.StatusOK || w.Body.String() != png {
			t.Errorf("done %t: got %+v, and %d for an image", done, st, w.Code)
		}
	}
}
