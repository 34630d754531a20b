package browser

import (
	"os"
	"path/filepath"
	"testing"
)

// TestHears: a page that asks for another file, that complains and that fails is heard.
func TestHears(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.html")
	text := `<title>x</title><img src="other.png"><script>console.error("bad"); throw new Error("thrown")</script>`
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	p := Open(t, "file://"+file, 300, 300)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.requests) != 2 || len(p.errors) < 2 {
		t.Errorf("heard requests %q and errors %q, want two of each at least", p.requests, p.errors)
	}
}
