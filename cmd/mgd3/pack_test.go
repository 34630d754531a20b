package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/rogpeppe/go-internal/testscript"
)

// packImages writes the files CLASS/FILE of a folder in another layout. Labels count down from the last class.
func packImages(ts *testscript.TestScript, _ bool, args []string) {
	from, out := ts.MkAbs(args[0]), ts.MkAbs(args[2])
	ts.Check(os.MkdirAll(out, 0o777))
	paths, err := filepath.Glob(filepath.Join(from, "*", "*"))
	ts.Check(err)
	if len(paths) == 0 {
		ts.Fatalf("%s has no images", from)
	}
	var classes []string
	for _, path := range paths {
		if class := filepath.Base(filepath.Dir(path)); !slices.Contains(classes, class) {
			classes = append(classes, class)
		}
	}
	slices.Reverse(classes)
	pack := map[string]func([]string, []string, string) error{"webdataset": packShards, "parquet": packParquet,
		"classtars": packClassTars}[args[1]]
	ts.Check(pack(paths, classes, out))
}

// labelOf returns the class of the image at path, and its number.
func labelOf(path string, classes []string) (string, int) {
	class := filepath.Base(filepath.Dir(path))
	return class, slices.Index(classes, class)
}

func packShards(paths, classes []string, out string) error {
	var shards [2]bytes.Buffer
	writers := []*tar.Writer{tar.NewWriter(&shards[0]), tar.NewWriter(&shards[1])}
	for i, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, label := labelOf(path, classes)
		w := writers[i*2/len(paths)]
		if err := addMember(w, fmt.Sprintf("%06d.png", i), data); err != nil {
			return err
		}
		if err := addMember(w, fmt.Sprintf("%06d.cls", i), fmt.Append(nil, label)); err != nil {
			return err
		}
	}
	for i, w := range writers {
		if err := w.Close(); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, fmt.Sprintf("train-%06d.tar", i)), shards[i].Bytes(),
			0o666); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(out, "classes.txt"), []byte(strings.Join(classes, "\n")+"\n"), 0o666)
}

func addMember(w *tar.Writer, name string, data []byte) error {
	if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(data)), Mode: 0o644,
		Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}

func packClassTars(paths, classes []string, out string) error {
	for _, class := range classes {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if of, _ := labelOf(path, classes); of == class {
				if err := addMember(w, filepath.Base(path), data); err != nil {
					return err
				}
			}
		}
		if err := w.Close(); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, class+".tar"), b.Bytes(), 0o666); err != nil {
			return err
		}
	}
	return nil
}

func packParquet(paths, classes []string, out string) error {
	type image struct {
		Bytes []byte `parquet:"bytes,optional"`
		Path  string `parquet:"path,optional"`
	}
	type row struct {
		Image image `parquet:"image,optional"`
		Label int64 `parquet:"label"`
	}
	type feature map[string]any
	text, err := json.Marshal(feature{"info": feature{"features": feature{"label": feature{"names": classes,
		"_type": "ClassLabel"}}}})
	if err != nil {
		return err
	}
	var rows []row
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, label := labelOf(path, classes)
		rows = append(rows, row{image{data, filepath.Base(path)}, int64(label)})
	}
	return parquet.WriteFile(filepath.Join(out, "train-00000-of-00001.parquet"), rows,
		parquet.KeyValueMetadata("huggingface", string(text)))
}
