package demo

import (
	"bytes"
	"encoding/json"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/compare"
	"mgd3/dataset"
	"mgd3/internal/fixtures"
	"mgd3/internal/fixtures/maker"
	"mgd3/report"
)

// tinyDemo are options of a demo that takes a few seconds.
func tinyDemo(t *testing.T) Options {
	t.Helper()
	dir := t.TempDir()
	if err := fixtures.Images(dir, 3); err != nil {
		t.Fatal(err)
	}
	test, err := dataset.Open(t.Context(), dir, dataset.OpenOptions{Split: "train"})
	if err != nil {
		t.Fatal(err)
	}
	return Options{Maker: maker.New(t, 5), Test: test, IPC: 2, Epochs: 1}
}

// TestDemo: the three sets of the same size are in one table, in the order of the package comment, each with one score
// of each network; the contact sheet has the real images and the made ones of every class; and the second call, over a
// folder that is complete, trains nothing and has the same result.
func TestDemo(t *testing.T) {
	o := tinyDemo(t)
	trained := 0
	o.Report = func(e compare.Event) {
		if e.Training != nil {
			trained++
		}
	}
	d, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if trained == 0 {
		t.Error("nothing was reported of three trainings")
	}
	if want := "3 letters, 2 images each"; d.Result.Title != want {
		t.Errorf("the title is %q, want %q", d.Result.Title, want)
	}
	if want := "15 real images of 3 classes became 6 images"; !strings.HasPrefix(d.Result.Notes[0], want) {
		t.Errorf("the first note is %q, want it to begin with %q", d.Result.Notes[0], want)
	}
	var names []string
	for _, row := range d.Result.Tables[0].Rows {
		names = append(names, row.Name)
		if n := len(row.Cells[0].Values); n != 1 {
			t.Errorf("%s has %d scores, want 1", row.Name, n)
		}
	}
	if want := []string{"mgd3", "unguided", "random"}; !slices.Equal(names, want) {
		t.Errorf("the table has the rows %q, want %q", names, want)
	}
	sheet, err := png.Decode(bytes.NewReader(d.Sheet))
	if err != nil {
		t.Fatal(err)
	}
	// 3 classes of one row of real images and one of made ones, of 2 columns
	if b := sheet.Bounds(); b.Dx() < 2*fixtures.Size || b.Dy() < 3*2*fixtures.Size {
		t.Errorf("the sheet has %d × %d pixels, want room for 2 × 6 images of %d", b.Dx(), b.Dy(), fixtures.Size)
	}

	trained = 0
	again, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if trained != 0 || !bytes.Equal(jsonOf(t, again.Result), jsonOf(t, d.Result)) {
		t.Errorf("the second call: %d reports of trainings, want none and the same result", trained)
	}
	t.Run("Files", func(t *testing.T) { testFiles(t, d) })
}

// testFiles: the page has the numbers, the findings, and rows of the three sets; and the text says where the files are.
func testFiles(t *testing.T, d *Demo) {
	out := t.TempDir()
	if err := d.Write(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if !bytes.Equal(read("sheet.png"), d.Sheet) {
		t.Error("sheet.png is not the contact sheet")
	}
	var r report.Result
	if err := json.Unmarshal(read("result.json"), &r); err != nil {
		t.Fatal(err)
	}
	if r.Title != d.Result.Title {
		t.Errorf("result.json has the title %q, want %q", r.Title, d.Result.Title)
	}
	html := string(read("report.html"))
	var text strings.Builder
	if err := d.Text(&text, out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Copies of training images", "real image 1 nearest to mode 0", `alt="mgd3, image `,
		`alt="unguided, image `, `alt="random, image `, `<svg class="map"`,
		`class="made pt s1" data-slot="0-0"`, `class="made pt s2" data-slot="0-0"`} {
		if !strings.Contains(html, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	for _, want := range []string{d.Result.Title, "unguided"} {
		if !strings.Contains(html, want) || !strings.Contains(text.String(), want) {
			t.Errorf("%q is not on the page, or not in the text", want)
		}
	}
	if !strings.Contains(text.String(), filepath.Join(out, "sheet.png")) {
		t.Error("the text does not say where the picture is")
	}
}

func jsonOf(t *testing.T, r report.Result) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := report.JSON(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
