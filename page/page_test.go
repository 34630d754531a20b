package page

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mgd3/dataset"
	"mgd3/report"
)

// folder writes images of two classes, n each, as PNG; seed makes them other images.
func folder(t *testing.T, n, side, seed int) string {
	t.Helper()
	dir := t.TempDir()
	for c, class := range []string{"bird", `cat & "co"`} {
		if err := os.MkdirAll(filepath.Join(dir, class), 0o777); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			small := &dataset.RGB{W: 8, H: 8, Pix: make([]uint8, 192)} // 8: no two are near each other by chance
			rng := rand.New(rand.NewPCG(uint64(seed), uint64(1000*c+i)))
			for k := range small.Pix {
				small.Pix[k] = uint8(30 + 90*c + rng.IntN(120))
			}
			var b bytes.Buffer
			if err := dataset.WritePNG(&b, dataset.Resize(small, side, side, dataset.Bilinear)); err != nil {
				t.Fatal(err)
			}
			name := filepath.Join(dir, class, fmt.Sprintf("%04d.png", i))
			if err := os.WriteFile(name, b.Bytes(), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

func open(t *testing.T, dir string) *dataset.Set {
	t.Helper()
	set, err := dataset.Open(t.Context(), dir, dataset.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { set.Close() })
	return set
}

func write(t *testing.T, o Options) (files []string, text string) {
	t.Helper()
	files, _, err := Write(t.Context(), o, filepath.Join(t.TempDir(), "page.html"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return files, string(data)
}

var outside = regexp.MustCompile(`(?:src|href)="([^"]*)"`)

// TestPageStandsAlone: everything that the page refers to is in it, texts are shown as they are, and equal sets give
// equal bytes.
func TestPageStandsAlone(t *testing.T) {
	o := Options{Title: "<b>pets</b>", Real: open(t, folder(t, 20, 32, 5)),
		Sources: []Source{{Name: "a", Images: open(t, folder(t, 3, 32, 0))}}}
	_, text := write(t, o)
	for _, found := range outside.FindAllStringSubmatch(text, -1) {
		if !strings.HasPrefix(found[1], "data:") && !strings.HasPrefix(found[1], "#") {
			t.Errorf("the page refers to %q", found[1])
		}
	}
	for _, want := range []string{"&lt;b&gt;pets&lt;/b&gt;", "cat &amp; &#34;co&#34;", "Copies of training images",
		"not checked", `download="images.csv"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if n := strings.Count(text, `<article class="slot`); n != 6 {
		t.Errorf("the page shows %d images, want 6", n)
	}
	if strings.Contains(text, "ZgotmplZ") {
		t.Error("the template refused a value")
	}
	if _, again := write(t, o); again != text {
		t.Error("the same sets give another page")
	}
	for _, im := range regexp.MustCompile(`<img[^>]*>`).FindAllString(text, -1) {
		if !strings.Contains(im, `alt="`) || strings.Contains(im, `alt=""`) {
			t.Fatalf("a picture has no text in its place: %.80s", im)
		}
	}
}

// TestFurtherPages: more than a thousand images go on in further pages, each of which refers to all.
func TestFurtherPages(t *testing.T) {
	if testing.Short() {
		t.Skip("writes a thousand images")
	}
	files, text := write(t, Options{Title: "many", Sources: []Source{{Name: "a",
		Images: open(t, folder(t, 600, 8, 0))}}})
	if len(files) != 2 || !strings.Contains(text, `href="page-2.html"`) {
		t.Fatalf("there are %q, want two pages and a way from the first to the second", files)
	}
	shown := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		shown += strings.Count(string(data), `<article class="slot`)
	}
	if shown != 1200 {
		t.Errorf("the pages show %d images, want 1200", shown)
	}
}

func TestNumbers(t *testing.T) {
	r := report.Result{Title: "Glyphs & <letters>", Notes: []string{"a < b"},
		Tables: []report.Table{{Title: "Accuracy", Unit: "%", Columns: []string{"net"},
			Rows: []report.Row{{Name: "x", Cells: []report.Cell{{Values: []float64{61, 63}}}}}}},
		Plots: []report.Plot{{Title: "curve", Lines: []report.Line{
			{Name: "l", X: []float64{0, 1}, Y: []float64{1, 2}}}}}}
	var b bytes.Buffer
	if err := HTML(&b, r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"62.0 ± 1.0", "Glyphs &amp; &lt;letters&gt;", `download="accuracy.csv"`,
		`download="curve.svg"`, `download="page.json"`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page has no %q", want)
		}
	}
	dir := t.TempDir()
	files, err := Plots(dir, r)
	if err != nil || len(files) != 2 {
		t.Fatalf("got %q and %v, want the bars and the curve", files, err)
	}
}
