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
			test.stop(t, true)
			test.stop(t, false)
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

// stop stops the store at each of the requests that a reading makes, once or for good.
func (o outage) stop(t *testing.T, once bool) {
	const most = 200
	for n := range most {
		s := storetest.New(t) // what was read of another is in memory
		for name, content := range o.in {
			s.Put(name, []byte(content))
		}
		asked := 0
		s.Fault = func() storetest.Fault {
			if asked++; asked == n+1 || asked > n && !once {
				return storetest.Expired
			}
			return storetest.None
		}
		err := readAll(t, s.Path(o.path), o.o)
		if asked <= n { // it stopped after the last request
			must(t, err)
			t.Logf("%d requests", asked)
			return
		}
		if err == nil || !store.Failed(err) || errors.Is(err, ErrImage) || errors.Is(err, ErrUnread) {
			t.Errorf("request %d failed: got %v, want an error of the store alone", n+1, err)
		}
	}
	t.Errorf("more than %d requests", most)
}

// readAll opens a set and reads all its images. Imitations of them, of one letter, cannot be decoded.
func readAll(t *testing.T, path string, o OpenOptions) error {
	set, err := Open(t.Context(), path, o)
	if err != nil {
		return err
	}
	defer set.Close()
	for _, class := range set.Classes {
		for sample := range set.Load(t.Context(), class.Images, LoadOptions{Workers: 1}) {
			if sample.Err != nil && !(errors.Is(sample.Err, ErrImage) && sample.Ref.Size <= 1) {
				return sample.Err
			}
		}
	}
	return nil
}
