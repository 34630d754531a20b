//go:build measure

package page

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/internal/fixtures/browser"
)

// TestLoad says how large the pages are that MGD3_PAGES names, and what opening them takes. It is no test of
// ours but a measurement: bench/pages.sh builds it.
func TestLoad(t *testing.T) {
	files := strings.Fields(os.Getenv("MGD3_PAGES"))
	if files == nil {
		t.Fatal("MGD3_PAGES names no pages")
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		path, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		p := browser.Open(t, "file://"+path, 1200, 900)
		p.Until("document.readyState === 'complete' && performance.getEntriesByName('first-contentful-paint').length")
		t.Logf("page: %s: %.2f MB, %s", file, float64(info.Size())/1e6, p.Text(`(n =>
			'first paint ' + Math.round(performance.getEntriesByName('first-contentful-paint')[0].startTime) +
			' ms, loaded ' + Math.round(n.loadEventEnd) + ' ms, ' + document.images.length + ' pictures'
			)(performance.getEntriesByType('navigation')[0])`))
		p.Quiet("file://")
	}
}
