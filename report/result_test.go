package report

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
)

// accuracies is a table with all kinds of cells: repeated, single, none, and a row that is short.
func accuracies() Table {
	return Table{
		Title: "Accuracy", Unit: "accuracy, %", Columns: []string{"IPC 10", "IPC 50"},
		Rows: []Row{
			{"MGD³", []Cell{{[]float64{61, 63}}, {[]float64{80.25}}}},
			{"random real images", []Cell{{[]float64{50, 50, 56}}, {}}},
			{"full", nil},
		},
	}
}

func result() Result {
	return Result{
		Title:  "Glyphs & <letters>",
		Notes:  []string{`10 classes "A" to "J"; a < b`},
		Tables: []Table{accuracies()},
		Plots: []Plot{{Title: "stop", X: "stop", Y: "accuracy, %", Lines: []Line{
			{"0 < λ", []float64{0, 10, 25}, []float64{40, 60, 50}, []float64{1, 2, 0}},
			{"λ & stop", []float64{10}, []float64{30}, nil}}}},
		Next: []string{"mgd3 distill --data 'a & b' --out <DIR>"},
	}
}

func TestMeanStd(t *testing.T) {
	for _, c := range []struct {
		values    []float64
		mean, std float64
	}{
		{[]float64{5}, 5, 0},
		{[]float64{61, 63}, 62, 1}, // the deviation of the population: of the sample it would be √2
		{[]float64{50, 50, 56}, 52, math.Sqrt(8)},
	} {
		if mean, std := (Cell{c.values}).MeanStd(); mean != c.mean || math.Abs(std-c.std) > 1e-15*c.std {
			t.Errorf("%v: got %v ± %v, want %v ± %v", c.values, mean, std, c.mean, c.std)
		}
	}
}

func text(t *testing.T, write func(io.Writer) error) string {
	t.Helper()
	var b strings.Builder
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestText(t *testing.T) {
	table := accuracies()
	want := `Accuracy
                        IPC 10  IPC 50
MGD³                62.0 ± 1.0    80.2
random real images  52.0 ± 2.8       –
full                         –       –
`
	if got := text(t, table.Text); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	table = Table{Runs: true, Decimals: -1, Columns: []string{"a"}, Rows: []Row{{"b", []Cell{{[]float64{61, 63}}}}}}
	if got, want := text(t, table.Text), "                a\nb  62 ± 1 (61 63)\n"; got != want {
		t.Errorf("with runs and without decimals: got\n%s\nwant\n%s", got, want)
	}
}

func TestMarkdown(t *testing.T) {
	table := Table{Columns: []string{"a|b"}, Decimals: 2, Rows: []Row{{"x|y", []Cell{{[]float64{1}}}}, {"z", nil}}}
	want := "|  | a\\|b |\n|---|---:|\n| x\\|y | 1.00 |\n| z | – |\n"
	if got := text(t, table.Markdown); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestJSONComesBack(t *testing.T) {
	want := result()
	var got Result
	written := text(t, func(w io.Writer) error { return JSON(w, want) })
	if err := json.Unmarshal([]byte(written), &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, want %+v", got, want)
	}
	if again := text(t, func(w io.Writer) error { return JSON(w, got) }); again != written {
		t.Errorf("written again it is\n%s\nwant\n%s", again, written)
	}
	bad := Result{Tables: []Table{{Columns: []string{"a"}, Rows: []Row{{"b", []Cell{{[]float64{math.NaN()}}}}}}}}
	if err := JSON(io.Discard, bad); err == nil {
		t.Error("a value that is no number was written, want an error")
	}
}

// elements parses XML strictly and counts the elements by name; text is all character data.
func elements(t *testing.T, doc string) (count map[string]int, chars string) {
	t.Helper()
	count = map[string]int{}
	var b strings.Builder
	d := xml.NewDecoder(strings.NewReader(doc))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return count, b.String()
		}
		if err != nil {
			t.Fatalf("not well formed: %v in\n%s", err, doc)
		}
		switch token := token.(type) {
		case xml.StartElement:
			count[token.Name.Local]++
		case xml.CharData:
			b.Write(token)
		}
	}
}

// TestRefuses: values that are no numbers, and lines of unequal length.
func TestRefuses(t *testing.T) {
	nan := []float64{math.NaN()}
	for name, svg := range map[string]func(io.Writer) error{
		"line \"l\"":   Plot{Lines: []Line{{Name: "l", X: nan, Y: nan}}}.SVG,
		"want as many": Plot{Lines: []Line{{X: []float64{1}, Y: nil}}}.SVG,
		"column \"c\"": Table{Unit: "%", Columns: []string{"c"}, Rows: []Row{{"r", []Cell{{nan}}}}}.SVG,
	} {
		if err := svg(io.Discard); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got error %v, want one with %q", err, name)
		}
	}
}

func TestCSV(t *testing.T) {
	text, err := accuracies().CSV()
	want := "row,column,run,value\nMGD³,IPC 10,0,61\nMGD³,IPC 10,1,63\nMGD³,IPC 50,0,80.25\n" +
		"random real images,IPC 10,0,50\nrandom real images,IPC 10,1,50\nrandom real images,IPC 10,2,56\n"
	if err != nil || string(text) != want {
		t.Errorf("got %q and %v, want %q", text, err, want)
	}
}

func TestPlotSVG(t *testing.T) {
	plain := Plot{Lines: []Line{{"line", []float64{0, 1, 2}, []float64{1, 2, 3}, nil}}}
	count, _ := elements(t, text(t, plain.SVG))
	barred := plain
	barred.Lines = []Line{{"line", []float64{0, 1, 2}, []float64{1, 2, 3}, []float64{0.1, 0.1, 0.1}}}
	if with, _ := elements(t, text(t, barred.SVG)); with["path"] != count["path"]+9 {
		t.Errorf("error bars add %d strokes to %d, want 3 of 3", with["path"]-count["path"], count["path"])
	}
	named := Plot{Names: []string{"kmeans", "gmm", "bisecting"}, Lines: plain.Lines}
	if _, chars := elements(t, text(t, named.SVG)); !strings.Contains(chars, "bisecting") {
		t.Errorf("the names are not below the points: %q", chars)
	}
	if once, again := text(t, plain.SVG), text(t, plain.SVG); once != again {
		t.Error("the same plot gives other bytes")
	}
	elements(t, text(t, Plot{}.SVG))
}

// TestBars: every row and column is named, and only repeated runs have whiskers.
func TestBars(t *testing.T) {
	table := accuracies()
	count, chars := elements(t, text(t, table.SVG))
	for _, want := range []string{"MGD³", "random real images", "full", "IPC 10", "IPC 50", "accuracy, %"} {
		if !strings.Contains(chars, want) {
			t.Errorf("the chart does not show %q", want)
		}
	}
	// each text has the width that it was given room for, whatever typeface the reader has
	svg := text(t, table.SVG)
	if n := strings.Count(svg, "<text "); n < 6 || strings.Count(svg, `textLength="`) != n {
		t.Errorf("of %d texts %d have a width", n, strings.Count(svg, `textLength="`))
	}
	table.Rows[0].Cells[0].Values = []float64{62}
	if one, _ := elements(t, text(t, table.SVG)); one["path"] != count["path"]-3 {
		t.Errorf("without one cell's repetition there are %d strokes of %d, want 3 fewer", one["path"], count["path"])
	}
}
