package page

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"mgd3/internal/fixtures/browser"
)

// inBrowser writes a page of two sets side by side, with a map and a planted copy, and returns where it is.
func inBrowser(t *testing.T) string {
	t.Helper()
	first, real := folder(t, 4, 32, 0), folder(t, 30, 32, 5)
	copied, err := os.ReadFile(filepath.Join(real, "bird", "0007.png"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(first, "bird", "0002.png"), copied, 0o666); err != nil {
		t.Fatal(err)
	}
	g, err := gather(t.Context(), Options{Title: "pets", Real: open(t, real), Sources: []Source{
		{Name: "one", Images: open(t, first)}, {Name: "two", Images: open(t, folder(t, 4, 32, 50))}}})
	if err != nil {
		t.Fatal(err)
	}
	for c := range g.Classes {
		m := &Map{Of: 20, Explained: [2]float64{0.4, 0.2}, Sizes: []int64{3, 9, 4, 4}, Sets: make([][]Mark, 2)}
		for i := range 20 {
			m.Real = append(m.Real, [2]float64{float64(i * 7 % 20), float64(i * 3 % 20)})
			m.Covered = append(m.Covered, i%3 > 0)
		}
		for j := range 4 {
			at := float64(2 + 5*j)
			m.Modes = append(m.Modes, Mark{[2]float64{at, at}, j, j})
			m.Sets[0] = append(m.Sets[0], Mark{[2]float64{at + 2, at}, j, j})
			m.Sets[1] = append(m.Sets[1], Mark{[2]float64{at, at + 2}, j, j})
		}
		g.Classes[c].Map = m
	}
	v, err := g.view(t.Context(), g.Classes, true)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "page.html")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := page.Execute(f, v); err != nil {
		t.Fatal(err)
	}
	return "file://" + file
}

const focused = "document.activeElement.id"

// TestInBrowser clicks and types what the page offers. It asks for nothing but itself and says nothing on the console.
func TestInBrowser(t *testing.T) {
	p := browser.Open(t, inBrowser(t), 1300, 1000)
	p.Screenshot("wide")

	// findings
	p.Is("document.querySelector('#findings-title').textContent.startsWith('Findings about one')")
	p.Is("document.querySelector('[data-kind=copies] .result').textContent === '1'")
	p.Is("document.querySelectorAll('[data-kind=copies] .items img').length === 2")

	// keys
	p.Press("j")
	first := p.Text(focused)
	p.Press("j")
	if p.Press("k"); p.Text(focused) != first || first == "" {
		t.Errorf("j, j, k: the focus is on %q, want %q", p.Text(focused), first)
	}
	p.Press("n")
	p.Is(focused + " === 's-1-0'")
	p.Press("p")
	p.Is(focused + " === 's-0-0'")
	p.Press("\r")
	p.Is("document.querySelector('#large').open && document.querySelectorAll('#large img').length >= 3")
	p.Screenshot("large")
	p.Press("\x1b")
	p.Is("!document.querySelector('#large').open")
	p.Press("?")
	p.Is("document.querySelector('#help').open")
	p.Press("\x1b")

	// flip
	p.Press("f")
	p.Is("getComputedStyle(document.querySelector('.made img.s1')).display === 'none'")
	p.Press("f")
	p.Is("getComputedStyle(document.querySelector('.made img.s0')).display === 'none'")
	p.Is("getComputedStyle(document.querySelector('.map .made.s0')).display === 'none'")
	p.Is("getComputedStyle(document.querySelector('.map .made.s1')).display !== 'none'")
	p.Press("f")
	p.Is("[...document.querySelectorAll('.made img')].every(e => getComputedStyle(e).display === 'block')")

	// the map
	p.Hover("document.querySelector('.made.pt[data-slot=\"0-3\"][data-set=\"1\"]')")
	p.Is("!document.querySelector('#tip').hidden && document.querySelector('#tip img').src === " +
		"document.querySelector('#s-0-3 img.s1').src")
	p.Is("document.querySelector('#tip').textContent.startsWith('two: image of mode')")
	p.Is("document.querySelector('#s-0-3').classList.contains('hot')")
	p.Click("document.querySelector('.made.pt[data-slot=\"0-3\"][data-set=\"1\"]')")
	p.Is(focused + " === 's-0-3'")

	// narrowing
	p.Click("document.querySelector('#only')")
	p.Is("[...document.querySelectorAll('.slot')].filter(e => e.offsetParent).length === 1")
	p.Click("document.querySelector('#only')")
	p.Press("/")
	p.Is(focused + " === 'filter'")
	p.Text("document.querySelector('#filter').value = ''") // the key was sent as a character, too
	p.Press("cat")
	p.Is("document.querySelectorAll('.class[hidden]').length === 1")
	p.Is("document.querySelector('#shown').textContent === '4 of 8 images'")
	p.Quiet("file://")
}

// TestOnAPhone: nothing is wider than the window.
func TestOnAPhone(t *testing.T) {
	p := browser.Open(t, inBrowser(t), 380, 800)
	p.Screenshot("phone")
	p.Is("document.documentElement.scrollWidth <= 380")
	p.Quiet("file://")
}

// TestNothingCoversAnything: the pictures of a row lie in it, on screens and paper of several widths, with maps and
// without.
func TestNothingCoversAnything(t *testing.T) {
	url := inBrowser(t)
	for _, width := range []int{380, 800, 1200, 1500} {
		p := browser.Open(t, url, width, 900)
		for _, as := range []string{"withmap", "nomap"} {
			p.Text(fmt.Sprintf("document.querySelectorAll('.withmap, .nomap').forEach(e => e.className = %q)", as))
			p.Is(`(e => e.length > 0 && e.every(i => i.getBoundingClientRect().right <=
				i.closest('.slot').getBoundingClientRect().right))([...document.querySelectorAll('.slot img')])`)
			p.Is(fmt.Sprintf("document.documentElement.scrollWidth <= %d", width))
		}
	}
}

// TestDarkAndWithoutScript: pictures, tables and texts are there, what needs the script is not.
func TestDarkAndWithoutScript(t *testing.T) {
	p := browser.Open(t, inBrowser(t), 1300, 1000,
		chromedp.Flag("blink-settings", "scriptEnabled=false,preferredColorScheme=0"))
	p.Screenshot("dark")
	p.Is("[...document.querySelectorAll('.slot img')].every(e => e.complete && e.naturalWidth > 0)")
	p.Is("getComputedStyle(document.querySelector('.tools')).display === 'none'")
	p.Is("getComputedStyle(document.body).backgroundColor === 'rgb(20, 23, 26)'")
	p.Quiet("file://")
}
