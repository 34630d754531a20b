package tiny

import (
	"os"
	"testing"

	"mgd3/dit"
	"mgd3/internal/testengine"
	"mgd3/latent"
)

// TestOpenFS: a model in a file system is the model on disk.
func TestOpenFS(t *testing.T) {
	dir := t.TempDir()
	if err := Model(dir, 1); err != nil {
		t.Fatal(err)
	}
	e := testengine.Open(t)
	ctx, fsys := t.Context(), os.DirFS(dir)
	autoencoder, err := latent.Open(ctx, e, dir+"/autoencoder")
	if err != nil {
		t.Fatal(err)
	}
	inFS, err := latent.OpenFS(ctx, e, fsys, "autoencoder")
	if err != nil {
		t.Fatal(err)
	}
	if inFS.SHA256 != autoencoder.SHA256 || inFS.Downsampling() != autoencoder.Downsampling() {
		t.Errorf("the autoencoder is %s, want %s", inFS.SHA256, autoencoder.SHA256)
	}
	denoiser, err := dit.Open(ctx, e, dir+"/dit")
	if err != nil {
		t.Fatal(err)
	}
	denoiserInFS, err := dit.OpenFS(ctx, e, fsys, "dit")
	if err != nil {
		t.Fatal(err)
	}
	if denoiserInFS.SHA256 != denoiser.SHA256 || denoiserInFS.Config != denoiser.Config {
		t.Errorf("the denoiser is %s, want %s", denoiserInFS.SHA256, denoiser.SHA256)
	}
	for _, name := range []string{"autoencoder/config.json", "dit/config.json"} {
		if err := os.WriteFile(dir+"/"+name, []byte("{"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := latent.OpenFS(ctx, e, fsys, "autoencoder"); err == nil {
		t.Error("an autoencoder with a damaged configuration was opened")
	}
	if _, err := dit.OpenFS(ctx, e, fsys, "dit"); err == nil {
		t.Error("a denoiser with a damaged configuration was opened")
	}
}
