package export

import (
	"bytes"
	"fmt"
	"image/png"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/weights"
)

// TestTensors: images and labels are those of the set in its order, and every number goes back to its byte: the error
// of float32 is below 2⁻²² of numbers up to 2.7, a level is 1/255/0.23.
func TestTensors(t *testing.T) {
	dir, files := newSet(t)
	var want []byte // [N, 3, H, W]
	var labels []int64
	for i, class := range classNames {
		for j := range perClass {
			im, err := png.Decode(bytes.NewReader(files[fmt.Sprintf("images/%s/%04d.png", class, j)]))
			if err != nil {
				t.Fatal(err)
			}
			for c := range 3 {
				for y := range 4 {
					for x := range 5 {
						r, g, b, _ := im.At(x, y).RGBA()
						want = append(want, byte([3]uint32{r, g, b}[c]>>8))
					}
				}
			}
			labels = append(labels, int64(i))
		}
	}
	for _, p := range AllPixels {
		for _, format := range []Format{Torch, MTT} {
			out := filepath.Join(t.TempDir(), "out")
			_, err := Write(t.Context(), dir, out, Options{Format: format, Pixels: p})
			if format == MTT && p == Bytes {
				if err == nil || !strings.Contains(err.Error(), "uint8") {
					t.Errorf("bytes as MTT's: %v", err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if format == MTT {
				continue // internal/clients opens its bare tensors
			}
			got := imagesOf(t, out, p)
			if !slices.Equal(got, want) {
				t.Errorf("%s, %s: got %v, want %v", format, p, got[:20], want[:20])
			}
		}
	}
	out := filepath.Join(t.TempDir(), "set.pt")
	if _, err := Write(t.Context(), dir, out, Options{Format: Torch}); err != nil {
		t.Fatal(err)
	}
	f, err := weights.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := f.Tensor("labels")
	if err != nil {
		t.Fatal(err)
	}
	if want := weights.I64("labels", []int{len(labels)}, labels); !bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Errorf("labels are %v, want %v", got.Bytes(), labels)
	}
}

// imagesOf returns the bytes that a file's images were.
func imagesOf(t *testing.T, path string, p Pixels) (levels []byte) {
	t.Helper()
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, name := range f.Names() {
		tensor, err := f.Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(tensor.Shape) != 4 {
			continue
		}
		if p == Bytes {
			return slices.Clone(tensor.Bytes())
		}
		values, err := tensor.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			c := i / 20 % 3
			levels = append(levels, byte(math.Round((float64(v)*norms[p][1][c]+norms[p][0][c])*255)))
		}
		return levels
	}
	t.Fatalf("%s has no images: %v", path, f.Names())
	return nil
}

// TestShape: height before width.
func TestShape(t *testing.T) {
	dir, _ := newSet(t)
	s, err := open(dir)
	if err != nil {
		t.Fatal(err)
	}
	images, _, err := s.tensors(t.Context(), Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{9, 3, 4, 5}; !slices.Equal(images.Layout.Shape, want) {
		t.Errorf("shape %v, want %v", images.Layout.Shape, want)
	}
}

// TestCard: the card names what is stated and what is not, and has the table of the scores.
func TestCard(t *testing.T) {
	dir, _ := newSet(t)
	scores := filepath.Join(t.TempDir(), "scores.json")
	put(t, scores, []byte(`{"nets":["convnet3"],"sets":[{"name":"a|b","scores":[[`+
		`{"net":"convnet3","protocol":{"name":"hard","size":32,"publish":"best"},"last":0.5,"best":0.6},`+
		`{"net":"convnet3","protocol":{"name":"hard","size":32,"publish":"best"},"last":0.54,"best":0.62}]]}]}`))
	out := filepath.Join(t.TempDir(), "out")
	if _, err := Write(t.Context(), dir, out, Options{Format: Folder, Card: &Card{Source: "Owls: 1\n2",
		SourceLicence: "cc0-1.0", Scores: scores}}); err != nil {
		t.Fatal(err)
	}
	text := string(get(t, filepath.Join(out, "README.md")))
	for _, want := range []string{"license: \"other\"", "| networks | not stated; licence: not stated |", "cc0-1.0",
		`| a\|b | convnet3 | hard at 32 pixels, publishes best | 2 | 52.0 ± 2.0 | 61.0 ± 1.0 |`,
		"path: \"images/**\""} {
		if !strings.Contains(text, want) {
			t.Errorf("the card lacks %q:\n%s", want, text)
		}
	}
	// datasets (5.2) takes splits in the head for malformed without num_bytes, the size of its own cache
	hub := filepath.Join(t.TempDir(), "hub")
	if _, err := Write(t.Context(), dir, hub, Options{Format: Parquet, Card: &Card{}}); err != nil {
		t.Fatal(err)
	}
	if text := string(get(t, filepath.Join(hub, "README.md"))); !strings.Contains(text, "class_label:") ||
		strings.Contains(text, "num_examples") {
		t.Errorf("the card of Parquet lacks its features, or has splits:\n%s", text)
	}
	put(t, scores, []byte(`{}`))
	if _, err := Write(t.Context(), dir, out+"2", Options{Format: Folder, Card: &Card{Scores: scores}}); err == nil {
		t.Error("a file without scores is taken")
	}
}
