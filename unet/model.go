package unet

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/gomlx/compute/shapes"

	"mgd3/engine"
	"mgd3/weights"
)

// Model is a network with its weights on an engine.
type Model struct {
	Config
	Weights engine.Weights
	SHA256  string   // of the weights' files, hex
	Notes   []string // how the files were read
}

// Open loads the network at a path: a weights file, or a folder that holds one, as diffusers writes it; or the
// checkpoint of a whole model of the first programs, see [weights.UNet]. A config.json beside the weights counts;
// without one, the configuration is inferred from the shapes. Weights that do not fit are a [weights.ErrMismatch] that
// names the tensors.
func Open(ctx context.Context, e *engine.Engine, at string) (*Model, error) {
	return OpenFS(ctx, e, weights.Disk, filepath.ToSlash(at))
}

// OpenFS is [Open] of a path in a file system.
func OpenFS(ctx context.Context, e *engine.Engine, fsys fs.FS, at string) (*Model, error) {
	config, file, set, notes, err := open(fsys, at)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	m, err := Load(ctx, e, config, file, set)
	if err != nil {
		return nil, err
	}
	m.Notes = append(notes, file.Notes()...)
	return m, nil
}

// ConfigFS returns the configuration of the network at a path, as [OpenFS] finds it. Of the weights only names and
// shapes are read.
func ConfigFS(fsys fs.FS, at string) (Config, error) {
	config, file, _, _, err := open(fsys, at)
	if err != nil {
		return Config{}, err
	}
	return config, file.Close()
}

// open returns the configuration of the network at a path, its file, the tensors in it, and what to say of the
// configuration.
func open(fsys fs.FS, at string) (c Config, file *weights.File, set *weights.Set, notes []string, err error) {
	config, notes, err := readConfig(fsys, at)
	if err != nil {
		return c, nil, nil, nil, err
	}
	if file, err = weights.OpenFS(fsys, at); err != nil {
		return c, nil, nil, nil, err
	}
	if set, err = weights.UNet(file); err == nil && config == nil {
		var inferred Config
		if inferred, err = Infer(set); err != nil {
			err = fmt.Errorf("%s: %w", at, err)
		}
		config = &inferred
	}
	if err != nil {
		file.Close()
		return c, nil, nil, nil, err
	}
	return *config, file, set, notes, nil
}

// Load puts the tensors of set, which are of file, on the engine, as c asks for them.
func Load(ctx context.Context, e *engine.Engine, c Config, file *weights.File, set *weights.Set) (*Model, error) {
	specs, err := e.Declare(c.Func, c.inputs()...)
	if err != nil {
		return nil, err
	}
	m := &Model{Config: c}
	m.Weights, m.SHA256, err = e.UploadHashed(ctx, file, set, specs)
	return m, err
}

// inputs returns the shapes of Func's inputs for one row, with the smallest latent.
func (c Config) inputs() []shapes.Shape {
	side := c.Downsampling()
	in := []shapes.Shape{
		shapes.Make(DType, 1, c.Channels, side, side), shapes.Make(DType, 1), shapes.Make(DType, 1, 1, c.ContextDim),
	}
	if c.AddedLen() > 0 {
		in = append(in, shapes.Make(DType, 1, c.AddedLen()))
	}
	return in
}
