package distill

import "path/filepath"

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
