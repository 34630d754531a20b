package latent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"mgd3/engine"
	"mgd3/weights"
)

// Open loads the autoencoder at a path, which is one of
//
//	a folder with a config.json of AutoencoderKL, VQModel or AutoencoderTiny and the weights, as diffusers writes it
//	a folder without, whose one weights file has the names of diffusers or of CompVis
//	a weights file; a config.json beside it counts
//	a folder with an encoder and a decoder of the TAESD family: PREFIX_encoder.EXT and PREFIX_decoder.EXT
//	the path of either of the two, or just FOLDER/PREFIX, where the folder has others too
//
// Without a config.json the configuration is inferred from the shapes. Weights that do not fit are a
// [weights.ErrMismatch] that names the tensors.
func Open(ctx context.Context, e *engine.Engine, at string) (*Autoencoder, error) {
	return OpenFS(ctx, e, weights.Disk, filepath.ToSlash(at))
}

// OpenFS is [Open] of a path in a file system, such as that of the model that travels in the program.
func OpenFS(ctx context.Context, e *engine.Engine, fsys fs.FS, at string) (*Autoencoder, error) {
	whole, _ := weights.SplitSection(fsys, at)
	encoder, decoder, err := pair(fsys, whole)
	if err != nil {
		return nil, err
	}
	var config []byte
	var file *weights.File
	if encoder != "" {
		file, err = weights.OpenParts(fsys,
			weights.Part{Prefix: weights.EncoderPrefix, Path: encoder},
			weights.Part{Prefix: weights.DecoderPrefix, Path: decoder})
	} else {
		config, _, err = weights.ReadConfig(fsys, whole)
		if err == nil {
			file, err = weights.OpenFS(fsys, at)
		}
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	n, set, err := understand(at, config, file)
	if err != nil {
		return nil, err
	}
	return compile(ctx, e, n, set, file)
}

// understand returns the network of the file at a path, and its tensors under the names the network has for them.
// config is its config.json, nil if there is none.
func understand(at string, config []byte, file *weights.File) (n network, set *weights.Set, err error) {
	var kind struct {
		Class string `json:"_class_name"`
	}
	if config != nil {
		err = weights.UnmarshalJSON(config, &kind)
	}
	if kind.Class == denoiserClass {
		config = nil
	}
	tiny := kind.Class == tinyClass || config == nil && weights.IsTAESD(file)
	switch {
	case err != nil:
	case config == nil:
	case tiny:
		err = checkTiny(config)
	case kind.Class == vqClass:
		n, err = parseVQ(config)
	default:
		n, err = ParseConfig(config)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %s: %w", at, weights.ConfigFile, err)
	}
	if tiny {
		set, err = weights.TAESD(file)
	} else {
		set, err = weights.Autoencoder(file)
	}
	if err != nil || n != nil {
		return n, set, err
	}
	switch {
	case tiny:
		n, err = inferTAESD(set)
	case hasCodebook(set):
		n, err = inferVQ(set)
	default:
		var c Config
		if c, err = infer(set); err == nil {
			c.ScalingFactor = scalingOf(file)
		}
		n = c
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", at, err)
	}
	return n, set, err
}

// denoiserClass is what the config.json beside the checkpoint of a whole model describes, if there is one.
const denoiserClass = "UNet2DConditionModel"

// Names of the two files of a pair: PREFIX, one of these, and one of the extensions, the first there is.
const (
	encoderFile = "_encoder"
	decoderFile = "_decoder"
)

var extensions = []string{".safetensors", ".pth", ".pt", ".ckpt", ".bin"}

// pair returns the encoder's and the decoder's file of the pair at a path, "" where the path is something else.
func pair(fsys fs.FS, at string) (encoder, decoder string, err error) {
	info, err := fs.Stat(fsys, at)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if encoder, decoder = pairOf(fsys, at, extensions...); encoder == "" {
			return "", "", fmt.Errorf("%w; nor are there %s%s and %s%s, with one of %s", err, at, encoderFile, at,
				decoderFile, strings.Join(extensions, " "))
		}
		return encoder, decoder, nil
	case err != nil:
		return "", "", err
	case !info.IsDir():
		ext := path.Ext(at)
		for _, part := range []string{encoderFile, decoderFile} {
			if prefix, ok := strings.CutSuffix(strings.TrimSuffix(at, ext), part); ok {
				encoder, decoder = pairOf(fsys, prefix, ext)
			}
		}
		return encoder, decoder, nil
	}
	entries, err := fs.ReadDir(fsys, at)
	if err != nil {
		return "", "", err
	}
	var prefixes []string
	for _, entry := range entries {
		if entry.Name() == weights.ConfigFile {
			return "", "", nil
		}
		name := strings.TrimSuffix(entry.Name(), path.Ext(entry.Name()))
		prefix, ok := strings.CutSuffix(name, encoderFile)
		if e, d := pairOf(fsys, path.Join(at, prefix), extensions...); ok && e != "" &&
			!slices.Contains(prefixes, prefix) {
			prefixes, encoder, decoder = append(prefixes, prefix), e, d
		}
	}
	if len(prefixes) > 1 {
		return "", "", fmt.Errorf("%s: holds the autoencoders %v, want one; name it by %s", at, prefixes,
			path.Join(at, prefixes[0]))
	}
	return encoder, decoder, nil
}

// pairOf returns the files of the pair of that prefix with the first extension there is, "" if there are no two.
func pairOf(fsys fs.FS, prefix string, extensions ...string) (encoder, decoder string) {
	there := func(name string) bool { info, err := fs.Stat(fsys, name); return err == nil && !info.IsDir() }
	for _, ext := range extensions {
		if e, d := prefix+encoderFile+ext, prefix+decoderFile+ext; there(e) && there(d) {
			return e, d
		}
	}
	return "", ""
}
