package train

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestWritePipeline: of an autoencoder that diffusers would not open in a pipeline nothing is written.
func TestWritePipeline(t *testing.T) {
	const weightsFile = "diffusion_pytorch_model.safetensors"
	for _, c := range []struct {
		name, config, file string
		want               bool
	}{
		{"AutoencoderKL", `{"_class_name": "AutoencoderKL"}`, weightsFile, true},
		{"of another name", `{"_class_name": "AutoencoderKL"}`, "model.ckpt", false},
		{"of another class", `{"_class_name": "VQModel"}`, weightsFile, false},
		{"without a config.json", "", weightsFile, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, vae := t.TempDir(), t.TempDir()
			err := os.WriteFile(filepath.Join(vae, c.file), []byte("x"), 0o600)
			if c.config != "" {
				err = errors.Join(err, os.WriteFile(filepath.Join(vae, "config.json"), []byte(c.config), 0o600))
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, err := WritePipeline(out, vae); err != nil || got != c.want {
				t.Errorf("got %v, %v, want %v", got, err, c.want)
			}
			entries, err := os.ReadDir(out)
			if err != nil || (len(entries) > 0) != c.want {
				t.Errorf("written: %v, %v", entries, err)
			}
		})
	}
}
