package terminal

import (
	"strings"
	"testing"

	"mgd3/distill"
)

// TestManifestIsPrintable: what a stranger's manifest holds cannot steer the terminal.
func TestManifestIsPrintable(t *testing.T) {
	const evil = "cat\x1b[2J\u202e"
	m := &distill.Manifest{
		Version: evil, Backend: evil, Autoencoder: evil, Denoiser: evil,
		Classes: []distill.ManifestClass{{Name: evil, Images: []distill.ManifestImage{{File: evil}}}},
	}
	var out strings.Builder
	if err := WriteManifest(&out, m); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\u202e") || !strings.Contains(out.String(), `cat\x1b[2J\u202e`) {
		t.Errorf("got %q", out.String())
	}
}
