package page

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/internal/fixtures/browser"
	"mgd3/report"
)

// confused is a result with the matrix of so many classes: of 50 images each, every third is taken for the next class.
func confused(classes int) report.Result {
	names, counts := make([]string, classes), make([][]int, classes)
	for i := range names {
		names[i], counts[i] = fmt.Sprintf("class %d", i), make([]int, classes)
		counts[i][i], counts[i][(i+1)%classes] = 34-i%10, 16+i%10
	}
	return report.Result{Title: "Accuracy", Confusions: []report.Confusion{
		report.NewConfusion("set, convnet3", names, counts), report.NewConfusion("other, convnet3", names, counts)}}
}

// TestConfusionOnAPage: the picture has words beside it, the pairs confused most and the lowest classes are tables, and
// the numbers are files of the page. A thousand classes fit too.
func TestConfusionOnAPage(t *testing.T) {
	for _, classes := range []int{10, 1000} {
		var b bytes.Buffer
		if err := HTML(&b, confused(classes)); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		for _, want := range []string{"Confusion: set, convnet3", "taken for their own class", "class 9", "(50 %)",
			`download="confusion-set-convnet3.csv"`, `download="confusion-set-convnet3.json"`,
			`download="confusion-set-convnet3.svg"`} {
			if !strings.Contains(text, want) {
				t.Errorf("%d classes: no %q on the page", classes, want)
			}
		}
		if b.Len() > 1<<20 {
			t.Errorf("%d classes: %d bytes", classes, b.Len())
		}
	}
	dir := t.TempDir()
	files, err := Plots(dir, confused(10))
	if err != nil || len(files) != 2 || filepath.Base(files[0]) != "confusion-set-convnet3.svg" {
		t.Errorf("plots: %v, %v", files, err)
	}
}

// TestConfusionInBrowser: the first matrix is open, the next opens by the keyboard, and both are on paper.
func TestConfusionInBrowser(t *testing.T) {
	var b bytes.Buffer
	if err := HTML(&b, confused(10)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	p := browser.Open(t, "file://"+file, 1300, 1000)
	p.Screenshot("confusion")
	const second = "document.querySelectorAll('.confusion')[1]"
	p.Is("document.querySelector('.confusion svg').getBoundingClientRect().width > 300")
	p.Is("document.querySelector('.confusion svg desc').textContent.includes('taken for their own class')")
	p.Is("!" + second + ".open")
	p.Text(second + ".querySelector('summary').focus(), ''")
	p.Press("\r")
	p.Is(second + ".open")
	p.Press("\r")
	const shown = second + ".querySelector('table').checkVisibility()"
	p.Is("!" + second + ".open && !" + shown)
	p.Print()
	p.Is(shown)
	p.Is("document.documentElement.scrollWidth <= 1300")
	p.Quiet("file://")

	narrow := browser.Open(t, "file://"+file, 380, 800)
	narrow.Is("document.documentElement.scrollWidth <= 380")
	narrow.Quiet("file://")
}

// TestPrinted: on paper there are no tools, nothing is closed, and every picture has a text.
func TestPrinted(t *testing.T) {
	p := browser.Open(t, inBrowser(t), 1300, 1000)
	p.Print()
	p.Is("getComputedStyle(document.querySelector('.tools')).display === 'none'")
	p.Is("document.querySelectorAll('.slot').length === 8")
	p.Is("[...document.querySelectorAll('.slot')].every(e => e.offsetParent)")
	p.Is("[...document.images].every(e => e.alt !== '')")
	p.Is("[...document.querySelectorAll('svg')].every(e => e.querySelector('title') || e.getAttribute('aria-label') " +
		"|| e.closest('[aria-hidden=true]') || e.closest('figure').querySelector('figcaption'))")
}
