package dataset

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestSameInAllLayouts writes JPEGs in every layout and looks for the same pixels: drawn ones, and real ones where
// they are beside the repository.
func TestSameInAllLayouts(t *testing.T) {
	small := open(t, drawnZip(t, 32, 32), "test", 3)
	all := []*Set{small, open(t, drawnZip(t, 53, 37), "test", 3)}
	for file, split := range map[string]string{"cifar10.zip": "test", "imagenette160-dev.zip": "val"} {
		if path := beside(file); exists(path) {
			all = append(all, open(t, path, split, 3))
		}
	}
	for _, of := range all {
		want := pixels(t, of)
		names := of.ClassNames()
		made := map[string]files{"class tars": {}, "whole tar": {},
			"WebDataset": {"classes.txt": strings.Join(names, "\n")}, "Parquet": {}}
		shard, all, key := []files{{}, {}}, files{}, 0
		var rows [2][]parquetRow
		for n, class := range of.Classes {
			one := files{}
			for _, ref := range class.Images {
				data, err := of.Read(ref)
				must(t, err)
				one[ref.Name] = string(data)
				shard[key%2][fmt.Sprintf("%06d.jpg", key)] = string(data)
				shard[key%2][fmt.Sprintf("%06d.cls", key)] = fmt.Sprint(n)
				rows[key%2] = append(rows[key%2], hubRow(string(data), int64(n)))
				key++
			}
			made["class tars"][class.Name+".tar"] = tarText(t, one)
			all[class.Name+".tar"] = tarText(t, one)
		}
		made["whole tar"]["ILSVRC2012_img_train.tar"] = tarText(t, all)
		for i := range 2 {
			made["WebDataset"][fmt.Sprintf("train-%06d.tar", i)] = tarText(t, shard[i])
			made["Parquet"][fmt.Sprintf("data/train-%05d-of-00002.parquet", i)] = hubFile(t, names, rows[i]...)
		}
		if of == small {
			made["CIFAR"] = cifarOfSet(t, of)
		}
		for layout, in := range made {
			s, err := Open(t.Context(), makeFolder(t, in),
				OpenOptions{Split: map[bool]string{true: "train"}[layout != "class tars"]})
			must(t, err)
			if got := pixels(t, s); !maps.EqualFunc(got, want, slices.Equal) {
				t.Errorf("%s: other classes or pixels than in the folder", layout)
			}
		}
	}
}

// open opens an archive.
func open(t *testing.T, path, split string, limit int) *Set {
	t.Helper()
	s, err := Open(t.Context(), path, OpenOptions{Split: split, Limit: limit})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// drawnZip is an archive of ten classes of three JPEGs of w × h pixels, no two alike.
func drawnZip(t *testing.T, w, h int) string {
	t.Helper()
	in := files{}
	for i := range 30 {
		m := image.NewRGBA(image.Rect(0, 0, w, h))
		for at := range w * h {
			m.Set(at%w, at/w, color.RGBA{uint8(8 * i), uint8(at%w*255/w + i), uint8(at/w*255/h - 3*i), 255})
		}
		var b bytes.Buffer
		must(t, jpeg.Encode(&b, m, nil))
		in[fmt.Sprintf("test/class%d/%d.jpg", i/3, i%3)] = b.String()
	}
	return makeZip(t, in)
}

// pixels returns those of all images of each class, in order of their bytes: names differ, and so do orders.
func pixels(t *testing.T, s *Set) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, class := range s.Classes {
		for sample := range s.Load(t.Context(), class.Images, LoadOptions{}) {
			must(t, sample.Err)
			out[class.Name] = append(out[class.Name], fmt.Sprint(sample.Image.W,
				sample.Image.H)+string(sample.Image.Pix))
		}
		slices.Sort(out[class.Name])
	}
	return out
}
