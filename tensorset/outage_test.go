package tensorset

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"mgd3/dataset"
	"mgd3/internal/fixtures/storetest"
)

// TestOutage: wherever the place of a set fails, that is the error, and no other file is taken in place of one that
// does not come. The place is a bucket here, whose errors go the way of a disk's.
func TestOutage(t *testing.T) {
	for _, name := range []string{"npy", "plain.npz", "beside.npz", "plain.safetensors", "sequence.parquet"} {
		t.Run(name, func(t *testing.T) {
			objects := map[string][]byte{}
			err := filepath.WalkDir(filepath.Join("testdata", name), func(path string, d os.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					rel, _ := filepath.Rel("testdata", path)
					objects[filepath.ToSlash(rel)], err = os.ReadFile(path)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			requests := storetest.Stop(t, objects, func(s *storetest.Server) (string, error) {
				found := is
				if filepath.Ext(name) == ".parquet" {
					found = func(path string) (bool, error) { return Is(path, "") }
				}
				if tensors, err := found(s.Path(name)); err != nil || !tensors {
					return "no tensors", err
				}
				set, err := Open(t.Context(), s.Path(name), Options{Names: names})
				if err != nil {
					if errors.Is(err, dataset.ErrImage) {
						t.Errorf("got a bad image: %v", err)
					}
					return "", err
				}
				defer set.Images.Close()
				said := fmt.Sprint(set.Pixels, set.Rate)
				for _, class := range set.Images.Classes {
					for sample := range set.Images.Load(t.Context(), class.Images, dataset.LoadOptions{Workers: 1}) {
						said += fmt.Sprint(sample.Ref, sample.Err, sample.Image.Pix)
					}
				}
				return said, nil
			})
			t.Logf("%d requests", requests)
		})
	}
}
