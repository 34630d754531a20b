package train

import (
	"encoding/json"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"mgd3/stage/atomicfile"
	"mgd3/weights"
)

// WritePipeline completes the folder that [TrainUNet] wrote to a pipeline of diffusers: model_index.json, and a copy of
// the autoencoder's folder as vae, which diffusers wants so. It reports false, and writes nothing, of an autoencoder
// that is not in the form of diffusers' AutoencoderKL.
func WritePipeline(out, autoencoder string) (bool, error) {
	const vaeFolder = "vae"
	var config struct {
		Class string `json:"_class_name"`
	}
	if _, err := weights.ReadJSON(weights.Disk, filepath.ToSlash(filepath.Join(autoencoder, weights.ConfigFile)),
		&config); err != nil || config.Class != "AutoencoderKL" {
		return false, err
	}
	entries, err := fs.ReadDir(weights.Disk, filepath.ToSlash(autoencoder))
	if err != nil {
		return false, err
	}
	if filepath.Clean(autoencoder) == filepath.Join(out, vaeFolder) { // in place
		return true, writeIndex(out)
	}
	var names []string
	for _, entry := range entries {
		if name := entry.Name(); strings.HasPrefix(name, "diffusion_pytorch_model") && !entry.IsDir() {
			names = append(names, name)
		}
	}
	if names == nil {
		return false, nil
	}
	for _, name := range append(names, weights.ConfigFile) {
		if err := copyFile(filepath.Join(out, vaeFolder, name), filepath.Join(autoencoder, name)); err != nil {
			return false, err
		}
	}
	return true, writeIndex(out)
}

func writeIndex(out string) error {
	index, err := json.MarshalIndent(map[string]any{
		"_class_name": "StableDiffusionPipeline", "requires_safety_checker": false,
		"vae": []string{"diffusers", "AutoencoderKL"}, networkUNet: []string{"diffusers", "UNet2DConditionModel"},
		schedulerFolder:  []string{"diffusers", "DDPMScheduler"},
		textFolder:       []string{"transformers", "CLIPTextModel"},
		tokenizerFolder:  []string{"transformers", "CLIPTokenizer"},
		"safety_checker": []any{nil, nil}, "feature_extractor": []any{nil, nil}, "image_encoder": []any{nil, nil},
	}, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(out, "model_index.json"), append(index, '\n'))
}

func copyFile(to, from string) error {
	f, err := weights.Disk.Open(filepath.ToSlash(from))
	if err != nil {
		return err
	}
	defer f.Close()
	return atomicfile.Write(to, func(w io.Writer) error { _, err := io.Copy(w, f); return err })
}
