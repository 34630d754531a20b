package tensorset

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pq "github.com/parquet-go/parquet-go"

	"mgd3/dataset"
)

// tableFile writes rows as a Parquet file.
func tableFile[T any](t *testing.T, rows []T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "set.parquet")
	var file bytes.Buffer
	if err := pq.Write(&file, rows); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, file.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestFlat: the order of colours in lists without an inner shape is found by which neighbours are alike; where the
// numbers do not tell it, it is an error that names the column.
func TestFlat(t *testing.T) {
	type row struct {
		Image []float32 `parquet:"image"`
		Label int64     `parquet:"label"`
	}
	const side = 8
	smooth := func(c, y, x int) float32 { // a slope of another direction for each colour
		return float32(0.5 + 0.4*math.Sin(float64(c)*2+0.3*float64(x)+0.5*float64(y)))
	}
	noise := func(c, y, x int) float32 { return float32((37*c+91*y*y+57*x*x*y+13*x)%256) / 255 }
	for _, c := range []struct {
		name   string
		at     func(c, y, x int) float32
		pixels bool // the three of a pixel lie together
		note   string
	}{
		{"planes", smooth, false, `taken for [3 8 8], since`},
		{"pixels", smooth, true, `taken for [8 8 3], since`},
		{"noise", noise, false, `column "image": lists of 192 numbers may be [3 8 8] or [8 8 3], and the numbers do ` +
			`not tell`},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows := []row{{Label: 0}, {Label: 1}}
			for r := range rows {
				rows[r].Image = make([]float32, 3*side*side)
				for i := range rows[r].Image {
					colour, y, x := i/side/side, i/side%side, i%side
					at := i
					if c.pixels {
						at = (y*side+x)*3 + colour
					}
					rows[r].Image[at] = c.at(colour, y, x)
				}
			}
			s, err := Open(t.Context(), tableFile(t, rows), Options{})
			if err != nil {
				if !strings.Contains(err.Error(), c.note) {
					t.Errorf("got %v, want %q", err, c.note)
				}
				return
			}
			defer s.Images.Close()
			if notes := strings.Join(s.Notes, "\n"); !strings.Contains(notes, c.note) {
				t.Errorf("told %q, want %q", notes, c.note)
			}
			class := s.Images.Classes[0]
			for sample := range s.Images.Load(t.Context(), class.Images, dataset.LoadOptions{}) {
				if sample.Err != nil {
					t.Fatal(sample.Err)
				}
				for i, v := range sample.Image.Values {
					if want := c.at(i/side/side, i/side%side, i%side); v != want {
						t.Fatalf("value %d is %v, want %v", i, v, want)
					}
				}
				if sample.Image.Values == nil {
					t.Error("no values")
				}
			}
		})
	}
}

// TestTables: grey images, and what is no set: the error names the column and what was expected.
func TestTables(t *testing.T) {
	type flat struct {
		Image []int32 `parquet:"image"`
		Label string  `parquet:"label"`
	}
	type features struct {
		Embedding []float32 `parquet:"embedding"`
		Label     int64     `parquet:"label"`
	}
	type unlabelled struct {
		Image []int32 `parquet:"image"`
	}
	type both struct {
		Image []int32 `parquet:"image"`
		Label int64   `parquet:"label"`
		Name  string  `parquet:"label_name"`
	}
	grey := make([]int32, 64)
	for i := range grey {
		grey[i] = int32(i * 4)
	}
	for _, c := range []struct{ name, path, want string }{
		{"grey", tableFile(t, []flat{{grey, "cat"}, {grey, "dog"}}), "cat dog"},
		{"words for numbers", tableFile(t, []flat{{grey, "2"}, {grey, "10"}}), "0002 0010"},
		{"numbers and their words", tableFile(t, []both{{grey, 1, "cat"}, {grey, 0, "owl"}, {grey, 1, "cat"}}),
			"cat owl"},
		{"numbers and other words", tableFile(t, []both{{grey, 1, "a cat"}, {grey, 0, "owl"}, {grey, 1, "cat"}}),
			"0000 0001"},
		{"two sizes", tableFile(t, []flat{{grey, "cat"}, {grey[:49], "dog"}}),
			`column "image": row group 0, column image, row 1: has lists of the lengths [49], rows before it [64]`},
		{"no square", tableFile(t, []flat{{grey[:40], "cat"}, {grey[:40], "dog"}}),
			`column "image": lists of 40 numbers, which is no square, nor three`},
		{"features", tableFile(t, []features{{[]float32{1, 2}, 0}}),
			`no column of images: want lists of numbers of the lengths [C H W], [H W C] or [H W] for each image, or ` +
				`files; it has tensors of shape [1 2] ("embedding"), [1] ("label")`},
		{"no labels", tableFile(t, []unlabelled{{grey}}), "no column of labels: want one of one number"},
		{"an empty list", tableFile(t, []flat{{grey, "cat"}, {nil, "dog"}}), `column "image"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Open(t.Context(), c.path, Options{})
			if err != nil {
				if !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %q", err, c.want)
				}
				return
			}
			defer s.Images.Close()
			if got := fmt.Sprint(s.Images.ClassNames()); got != "["+c.want+"]" {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestStrict: what a set has beside what is taken is a note, and strictly an error.
func TestStrict(t *testing.T) {
	type row struct {
		Image []int32 `parquet:"image"`
		Other []int32 `parquet:"img"`
		Label int64   `parquet:"label"`
	}
	grey := make([]int32, 64)
	for i := range grey {
		grey[i] = int32(i * 4)
	}
	folder := func(names ...string) string {
		dir := t.TempDir()
		torchFile(t, filepath.Join(dir, "images.pt"), six)
		for _, name := range names {
			torchFile(t, filepath.Join(dir, name), sixLabels)
		}
		return dir
	}
	beside := filepath.Dir(tableFile(t, []row{{grey, grey, 0}}))
	if err := os.WriteFile(filepath.Join(beside, "notes.bin"), []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	two := []any{[]any{six, sixLabels}, []any{others, sixLabels}}
	for _, c := range []struct{ name, path, want string }{
		{"nothing", folder("labels.pt"), ""},
		{"a file beside a table", beside, `files beside the shards or tables, which were passed over: "notes.bin"`},
		{"a column of a table", tableFile(t, []row{{grey, grey, 0}}), `"image" is taken, and "img" beside it is not`},
		{"a file", folder("labels.pt", "soft_labels.pt"),
			`"labels.pt" is taken, and "soft_labels.pt" beside it is not`},
		{"a tensor", torchFile(t, "set.pt", items{{Key: "x_train", Value: six}, {Key: "y_train", Value: sixLabels},
			{Key: "x_test", Value: others}}), `"x_train" is taken, and "x_test" beside it is not`},
		{"a second set", torchFile(t, "set.pt", two), "holds 2 sets"},
		{"a second set, asked for", torchFile(t, "set.pt", two) + "#2", ""},
	} {
		s, err := Open(t.Context(), c.path, Options{Strict: true})
		if err == nil {
			_ = s.Images.Close()
		}
		if (err == nil) != (c.want == "") || err != nil && (!errors.Is(err, dataset.ErrPassedOver) ||
			!strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if s, err = Open(t.Context(), c.path, Options{}); err != nil {
			t.Errorf("%s, not strictly: %v", c.name, err)
			continue
		}
		_ = s.Images.Close()
		if !strings.Contains(strings.Join(s.Notes, "\n"), c.want) {
			t.Errorf("%s, not strictly: told %q, want %q", c.name, s.Notes, c.want)
		}
	}
}
