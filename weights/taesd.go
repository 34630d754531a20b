package weights

import (
	"regexp"
	"slices"
	"strconv"
)

// Prefixes of the two files of an autoencoder of the TAESD family, for [OpenParts].
const (
	EncoderPrefix = "encoder."
	DecoderPrefix = "decoder."
)

// tinyLayer matches the layers of diffusers' AutoencoderTiny.
var tinyLayer = regexp.MustCompile(`^(encoder|decoder)\.layers\.(\d+)\.`)

// IsTAESD reports whether the file's names are those of an encoder and a decoder of the family, together.
func IsTAESD(f *File) bool {
	items, err := f.plain()
	return err == nil && slices.ContainsFunc(items, func(i item) bool {
		return i.name == "encoder.0.weight" || i.name == "encoder.layers.0.weight"
	})
}

// TAESD returns the tensors of an autoencoder of the TAESD family under the names of madebyollin/taesd,
// after "encoder." or "decoder.". Those of a diffusers AutoencoderTiny folder are mapped to them: its decoder
// does not count the clamp that comes first as a layer.
func TAESD(f *File) (*Set, error) {
	return renameBy(f, func(name string) string {
		m := tinyLayer.FindStringSubmatch(name)
		if m == nil {
			return name
		}
		layer := m[2]
		if n, err := strconv.Atoi(layer); err == nil && m[1] == "decoder" {
			layer = strconv.Itoa(n + 1)
		}
		return m[1] + "." + layer + "." + name[len(m[0]):]
	})
}
