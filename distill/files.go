package distill

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/store"
)

// LatentsDir is the folder of a run's own latents.
func LatentsDir(out string) string { return filepath.Join(out, "latents") }

// ModesFile is the file of a class's modes, below the output folder out.
func ModesFile(out, class string) string { return filepath.Join(modesDir(out), class+".safetensors") }

// SampleFiles are the files of the j-th synthetic image of a class, below the output folder out: its latent and the
// image.
func SampleFiles(out, class string, j int) []string {
	im := image{class: class, index: j}
	return []string{im.latent(out), im.png(out)}
}

// ManifestFile is the file of the manifest, below the output folder out.
func ManifestFile(out string) string { return filepath.Join(out, manifestName) }

// Begun reports whether a run samples or chooses images in out and is not finished: there is no manifest yet.
func Begun(out string) bool {
	_, none := store.Stat(ManifestFile(out))
	_, err := store.Stat(filepath.Join(samplesDir(out), stage.SettingsFile))
	return errors.Is(none, fs.ErrNotExist) && err == nil
}

// Present counts the images that are there. Nothing is held against the settings.
func Present(ctx context.Context, out string) (int, error) {
	files, err := atomicfile.List(ctx, ImagesDir(out))
	return len(files), err
}

// Planned is how many images a run will have, by its settings; an error where they are not there yet.
func Planned(out string) (int, error) {
	c, err := readSamplesRecord(out)
	if err != nil {
		return 0, err
	}
	counts, err := c.Modes.counts(out)
	n := 0
	for _, k := range counts {
		n += k
	}
	return n, err
}
