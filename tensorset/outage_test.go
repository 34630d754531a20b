package tensorset

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/dataset"
	"mgd3/internal/fixtures/storetest"
	"mgd3/weights"
)

// objects are the files of testdata at or below a name.
func objects(t *testing.T, name string) map[string][]byte {
	t.Helper()
	list := map[string][]byte{}
	err := filepath.WalkDir(filepath.Join("testdata", name), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel("testdata", path)
			list[filepath.ToSlash(rel)], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// bucket is one with all files of testdata.
func bucket(t *testing.T) *storetest.Server {
	s := storetest.New(t)
	for key, data := range objects(t, "") {
		s.Put(key, data)
	}
	return s
}

// TestOutage: wherever the place of a set fails, that is the error, and no other file is taken in place of one that
// does not come. The place is a bucket here, whose errors go the way of a disk's.
func TestOutage(t *testing.T) {
	for _, name := range []string{"mtt", "onitsway", "old.pt", "npy", "plain.npz", "beside.npz", "plain.safetensors",
		"sequence.parquet"} {
		t.Run(name, func(t *testing.T) {
			requests := storetest.Stop(t, objects(t, name), func(s *storetest.Server) (string, error) {
				if tensors, err := Is(s.Path(name), ""); err != nil || !tensors {
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

// TestBesideInBucket: names of classes in the config.json beside a safetensors file are read from its bucket.
func TestBesideInBucket(t *testing.T) {
	s := storetest.New(t)
	var file strings.Builder
	if err := weights.Write(&file, []weights.Tensor{weights.F32("images", []int{6, 3, 8, 8}, sixUnit(asIs)),
		weights.I64("labels", []int{6}, []int64{0, 0, 1, 1, 2, 2})}, nil); err != nil {
		t.Fatal(err)
	}
	s.Put("set/images.safetensors", []byte(file.String()))
	s.Put("set/config.json", []byte(`{"id2label": {"0": "owl", "1": "ape", "2": "cow"}}`))
	set, err := Open(t.Context(), s.Path("set"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Images.Close()
	if got, want := described(t, set), "owl 0 1, ape 2 3, cow 4 5"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
