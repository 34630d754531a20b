package report

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// TestConfusion: two trainings of three classes, one of which has no test images.
func TestConfusion(t *testing.T) {
	c := NewConfusion("net", []string{"cat", `<dog> & "co"`, "owl"}, [][]int{{8, 2, 0}, {1, 4, 0}, {0, 0, 0}},
		[][]int{{9, 1, 0}, {3, 2, 0}, {0, 0, 0}})
	if want := "23 of 30 test images of 3 classes, 76.7 %, were taken for their own class. Taken most often: " +
		`<dog> & "co" for cat (40 %), cat for <dog> & "co" (15 %). Without test images: owl.`; c.Text() != want {
		t.Errorf("got %q, want %q", c.Text(), want)
	}
	if got, want := fmt.Sprint(c.Accuracies()), `[{<dog> & "co" 10 0.6} {cat 20 0.85}]`; got != want {
		t.Errorf("accuracies %v, want %v", got, want)
	}
	data, err := c.CSV()
	if want := "class,taken_for,images,of\ncat,cat,17,20\n"; err != nil || !strings.HasPrefix(string(data), want) {
		t.Errorf("got %q, %v, want %q at the start", data, err, want)
	}
	if empty := NewConfusion("", nil); empty.Text() != "No images were tested." {
		t.Errorf("of nothing: %q", empty.Text())
	}
}

// TestConfusionIsDrawn: of any number of classes, the same bytes twice, well-formed, and not large; what is drawn is
// in the CSV.
func TestConfusionIsDrawn(t *testing.T) {
	for _, n := range []int{1, 2, 10, 40, 41, 100, 101, 1000} {
		rng := rand.New(rand.NewPCG(1, uint64(n)))
		names, counts := make([]string, n), make([][]int, n)
		for i := range names {
			names[i], counts[i] = fmt.Sprintf("class <%d> of a long name", i), make([]int, n)
			for range 50 {
				as := i
				if rng.IntN(3) == 0 {
					as = rng.IntN(n)
				}
				counts[i][as]++
			}
		}
		c := NewConfusion("a & b", names, counts)
		var svg, again bytes.Buffer
		if err := c.SVG(&svg); err != nil {
			t.Fatal(err)
		}
		if err := c.SVG(&again); err != nil || !bytes.Equal(svg.Bytes(), again.Bytes()) {
			t.Errorf("%d classes: drawn twice, they differ, or %v", n, err)
		}
		if svg.Len() > 200_000 {
			t.Errorf("%d classes: %d bytes", n, svg.Len())
		}
		squares := strings.Count(svg.String(), "z")
		for d := xml.NewDecoder(&svg); ; {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%d classes: %v", n, err)
			}
		}
		data, err := c.CSV()
		if err != nil {
			t.Fatal(err)
		}
		lines, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
		if err != nil || n <= mostDrawn && squares < len(lines)-1 {
			t.Errorf("%d classes: %d squares for %d numbers, %v", n, squares, len(lines)-1, err)
		}
		sum := 0
		for _, line := range lines[1:] {
			images, _ := strconv.Atoi(line[2])
			sum += images
		}
		if sum != 50*n {
			t.Errorf("%d classes: the numbers are of %d images, want %d", n, sum, 50*n)
		}
	}
}
