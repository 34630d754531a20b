package dataset

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/internal/fixtures/storetest"
	"mgd3/store"
)

// TestOutage: wherever a store stops while a set of some layout is opened and read, the error is of the store: no set
// with other images, no image that is called bad.
func TestOutage(t *testing.T) {
	plain, shard, names := files{}, files{}, []string{"cat", "dog"}
	var rows []parquetRow
	for i := range 4 {
		png, class := pngOf(t, 5, 5, uint8(20*i)), i/2
		plain[fmt.Sprintf("%s/%d.png", names[class], i)] = png
		shard[fmt.Sprintf("%d.png", i)], shard[fmt.Sprintf("%d.cls", i)] = png, fmt.Sprint(class)
		rows = append(rows, hubRow(png, int64(class)))
	}
	file := func(path string) string {
		data, err := os.ReadFile(path)
		must(t, err)
		return string(data)
	}
	tar := file(makeTar(t, shard))
	more := file(makeTar(t, files{"4.png": plain["cat/0.png"], "4.cls": "1"}))
	for name, c := range map[string]struct {
		in   files
		path string
	}{
		"folders":     {plain, "set"},
		"zip":         {files{"set.zip": file(makeZip(t, plain))}, "set.zip"},
		"tar":         {files{"set.tar": file(makeTar(t, plain))}, "set.tar"},
		"joined tars": {files{"set.tar": tar + strings.Repeat("\x00", 1<<17) + more}, "set.tar"},
		"class tars":  {files{"set/cat.tar": file(makeTar(t, files{"1.png": plain["cat/0.png"]}))}, "set"},
		"WebDataset":  {files{"set/a-0.tar": tar, "set/classnames.txt": "cat\ndog\n"}, "set"},
		"Parquet":     {files{"set/train.parquet": hubFile(t, names, rows...)}, "set"},
	} {
		t.Run(name, func(t *testing.T) {
			const most = 100
			for n := range most {
				s := storetest.New(t)
				for name, content := range c.in {
					key := name
					if c.path == "set" && name[:4] != "set/" {
						key = filepath.Join("set", name)
					}
					s.Put(key, []byte(content))
				}
				left := n
				s.Fault = func() storetest.Fault {
					if left--; left == 0 {
						s.Refuse = "ExpiredToken" // from the next request on
					}
					return storetest.None
				}
				if n == 0 {
					s.Refuse = "ExpiredToken"
				}
				err := readAll(t, s.Path(c.path))
				if err == nil { // it stopped after the last request
					t.Logf("%d requests", n-left-1)
					return
				}
				if !store.Failed(err) || errors.Is(err, ErrImage) || errors.Is(err, ErrUnread) {
					t.Fatalf("after %d requests: got %v, want an error of the store alone", n, err)
				}
			}
			t.Errorf("more than %d requests", most)
		})
	}
}

// readAll opens a set and reads all its images.
func readAll(t *testing.T, path string) error {
	set, err := Open(t.Context(), path, OpenOptions{})
	if err != nil {
		return err
	}
	defer set.Close()
	for _, class := range set.Classes {
		for sample := range set.Load(t.Context(), class.Images, LoadOptions{Workers: 1}) {
			if sample.Err != nil {
				return sample.Err
			}
		}
	}
	return nil
}
