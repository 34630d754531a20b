package train

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCurve: whatever comes after the state, rows or half a row, is cut off and written again alike.
func TestCurve(t *testing.T) {
	columns := []string{"loss", "kl"}
	open := func(path string, x extra) *curve {
		c, err := openCurve(path, columns, x)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	step := func(c *curve, n int) {
		c.add([]float32{float32(n), 1 / float32(n)})
		if n%2 == 0 {
			if err := c.row(n); err != nil {
				t.Fatal(err)
			}
		}
	}
	const want = "step,loss,kl\n2,1.5,0.75\n4,3.5,0.291667\n6,5.5,0.183333\n"
	for _, after := range []int{0, 1, 2, 3, 5} {
		path := filepath.Join(t.TempDir(), "sub", "loss.csv")
		c := open(path, extra{})
		for n := 1; n <= after; n++ {
			step(c, n)
		}
		x := c.extra()
		x.Sums = append([]float64{}, x.Sums...)
		for n := after + 1; n <= 4; n++ { // steps that a kill loses
			step(c, n)
		}
		if _, err := io.WriteString(c.file, "6,5"); err != nil {
			t.Fatal(err)
		}
		if after == 0 {
			x = extra{}
		}
		c = open(path, x)
		for n := after + 1; n <= 6; n++ {
			step(c, n)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("state of step %d: got %q, %v, want %q", after, got, err, want)
		}
		if c.last["loss"] != 5.5 {
			t.Errorf("the last row is %v, want a loss of 5.5", c.last)
		}
	}
}

func TestCurveLost(t *testing.T) {
	for content, want := range map[string]string{
		"":                         "no header",
		"step,loss,kl\n2,1,1\n4,1": "has 1 rows, want the 2",
		"step,other\n2,1\n4,1\n":   "no header",
	} {
		path := filepath.Join(t.TempDir(), "loss.csv")
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := openCurve(path, []string{"loss", "kl"}, extra{Rows: 2, Sums: []float64{0, 0}})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: got %v, want an error with %q that names the file", content, err, want)
		}
	}
}
