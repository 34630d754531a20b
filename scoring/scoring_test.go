package scoring

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/dataset"
	"mgd3/encode"
	"mgd3/internal/fixtures"
	"mgd3/internal/fixtures/testengine"
	"mgd3/latent"
	"mgd3/matrix"
	"mgd3/stage"
)

// embedder encodes with a tiny autoencoder.
func embedder(t *testing.T) *Embedder {
	t.Helper()
	dir := t.TempDir()
	if err := fixtures.Model(dir, 1); err != nil {
		t.Fatal(err)
	}
	e := testengine.Open(t)
	a, err := latent.Open(t.Context(), e, filepath.Join(dir, "autoencoder"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := OfLatents(e, a, encode.Settings{Size: fixtures.Size, Crop: encode.CropADM})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// images are n images per class, the second of dog broken.
func images(t *testing.T, n int) *dataset.Set {
	t.Helper()
	dir := t.TempDir()
	if err := errors.Join(fixtures.Images(dir, n), os.WriteFile(filepath.Join(dir, "train", "dog", "001.png"),
		[]byte("no image"), 0o644)); err != nil {
		t.Fatal(err)
	}
	set, err := dataset.Open(t.Context(), dir, dataset.OpenOptions{Split: "train"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = set.Close() })
	return set
}

// TestSource: the batch decides no feature; what cannot be read is an error, or passed over and reported; and the
// events count all images of all sources.
func TestSource(t *testing.T) {
	set, m := images(t, 5), embedder(t)
	var rows []matrix.Matrix
	for _, m.Batch = range []int{1, 3, 8} {
		x, err := m.Source(set, false)(t.Context(), "cat")
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, x)
	}
	for _, x := range rows {
		if x.Rows != 5 || !slices.Equal(x.Data, rows[0].Data) {
			t.Errorf("got %d rows, want 5, the same in all batches", x.Rows)
		}
	}
	if _, err := m.Source(set, false)(t.Context(), "dog"); !errors.Is(err, dataset.ErrImage) {
		t.Errorf("an image that cannot be read: got error %v, want an ErrImage", err)
	}
	if _, err := m.Source(set, false)(t.Context(), "yak"); err == nil ||
		!strings.Contains(err.Error(), "no such class") {
		t.Errorf("a class that is not there: got error %v", err)
	}

	m = embedder(t)
	var last stage.Event
	warnings := 0
	m.Report = func(e stage.Event) {
		if e.Warning != "" {
			warnings++
			return
		}
		last = e
	}
	first, second := m.Source(set, true), m.Source(set, true)
	for _, source := range []Source{first, second} {
		for _, class := range set.ClassNames() {
			x, err := source(t.Context(), class)
			if want := map[string]int{"dog": 4}[class]; err != nil || want > 0 && x.Rows != want {
				t.Errorf("class %s: got %d rows, %v", class, x.Rows, err)
			}
		}
	}
	if all := 2 * 5 * len(set.Classes); warnings != 2 || last.Done != all || last.Total != all {
		t.Errorf("got %d warnings and %d of %d images at the end, want 2 and all %d", warnings, last.Done, last.Total,
			all)
	}
}

// TestCompareNames: an error names the set and the class, and what is not known is no number.
func TestCompareNames(t *testing.T) {
	point := func(context.Context, string) (matrix.Matrix, error) {
		return matrix.Matrix{Rows: 1, Cols: 1, Data: []float32{1}}, nil
	}
	fails := func(context.Context, string) (matrix.Matrix, error) { return matrix.Matrix{}, errors.New("lost") }
	s := Space{Classes: []string{"cat"}, Real: point, Sets: []*Set{{Name: "good", Features: point},
		{Name: "bad", Features: fails}}}
	if _, err := s.Compare(t.Context(), 2); err == nil || !strings.Contains(err.Error(), `bad: class "cat": lost`) {
		t.Errorf("got error %v, want one that names the set and the class", err)
	}
	s.Sets = s.Sets[:1]
	results, err := s.Compare(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	r := results[0]
	if !math.IsNaN(float64(r.All.Frechet)) || !math.IsNaN(float64(r.Distance.Own)) || r.All.Parts != 0 {
		t.Errorf("one sample without modes has a Fréchet distance %v, a distance %v and %d parts", r.All.Frechet,
			r.Distance.Own, r.All.Parts)
	}
	if table := Summary(results); len(table.Rows) != 1 || len(table.Rows[0].Cells) != len(table.Columns) {
		t.Errorf("got a table of %d rows, and %d cells in %d columns", len(table.Rows), len(table.Rows[0].Cells),
			len(table.Columns))
	}
}
