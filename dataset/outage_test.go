package dataset

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/internal/fixtures/storetest"
)

// TestOutage: wherever a store stops while a set of some layout is opened and read, once or for good, the error is of
// the store: no set with other images or labels, no image that is called bad.
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
	// the first header of another tar is the last in a block that is read at once, and what it is of is in the next
	long := strings.Repeat("4", 200)
	more := file(makeTar(t, files{long + ".png": plain["cat/0.png"], long + ".cls": "1"}))
	gap := strings.Repeat("\x00", 64<<10-tarBlock-len(tar))
	tests := map[string]outage{
		"folders":     {below("set", plain), "set", OpenOptions{}},
		"zip":         {files{"set.zip": file(makeZip(t, plain))}, "set.zip", OpenOptions{}},
		"tar":         {files{"set.tar": file(makeTar(t, plain))}, "set.tar", OpenOptions{}},
		"joined tars": {files{"set.tar": tar + gap + more}, "set.tar", OpenOptions{}},
		"class tars": {files{"set/cat.tar": file(makeTar(t, files{"1.png": plain["cat/0.png"]}))}, "set",
			OpenOptions{}},
		"WebDataset": {files{"set/a-0.tar": tar, "set/classnames.txt": "cat\ndog\n"}, "set", OpenOptions{}},
		"Parquet":    {files{"set/train.parquet": hubFile(t, names, rows...)}, "set", OpenOptions{}},
	}
	known := fieldTests(t)
	for _, row := range docRows(t) {
		test := known[row.name]
		switch {
		case test.want == "" || testing.Short(): // folders of eleven classes
		case test.tar:
			tests[row.name] = outage{files{"set.tar": file(makeTar(t, test.in))}, "set.tar", row.options}
		case test.zip:
			tests[row.name] = outage{files{"set.zip": file(makeZip(t, test.in))}, "set.zip", row.options}
		default:
			tests[row.name] = outage{below("set", test.in), "set", row.options}
		}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			objects := map[string][]byte{}
			for key, content := range test.in {
				objects[key] = []byte(content)
			}
			requests := storetest.Stop(t, objects, func(s *storetest.Server) (string, error) {
				return readAll(t, s.Path(test.path), test.o)
			}, ErrImage, ErrUnread)
			t.Logf("%d requests", requests)
		})
	}
}

// outage is a set in a bucket whose store does not answer.
type outage struct {
	in   files
	path string
	o    OpenOptions
}

func below(dir string, in files) files {
	all := files{}
	for name, content := range in {
		all[filepath.Join(dir, name)] = content
	}
	return all
}

// readAll opens a set and reads all its images, and returns all that it says. Imitations of images, of one letter,
// cannot be decoded.
func readAll(t *testing.T, path string, o OpenOptions) (string, error) {
	set, err := Open(t.Context(), path, o)
	if err != nil {
		return "", err
	}
	defer set.Close()
	said := fmt.Sprint(set.PassedOver)
	for _, class := range set.Classes {
		for sample := range set.Load(t.Context(), class.Images, LoadOptions{Workers: 1}) {
			imitation := errors.Is(sample.Err, ErrImage) && sample.Ref.Size <= 1
			if sample.Err != nil && !imitation {
				return "", sample.Err
			}
			said += fmt.Sprint(" ", sample.Ref.Class, " ", sample.Ref.Name)
			if !imitation {
				said += fmt.Sprintf(" %x", sha256.Sum256(sample.Image.Pix))
			}
		}
	}
	return said, nil
}
