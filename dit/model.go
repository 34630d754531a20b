package dit

import (
	"context"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"

	"github.com/gomlx/compute/shapes"

	"mgd3/diffusion"
	"mgd3/engine"
	"mgd3/weights"
)

// Model is a denoiser with its weights on an engine.
type Model struct {
	Config
	Weights engine.Weights
	SHA256  string   // of the weights' files, hex
	Notes   []string // how the file was read, see weights.File.Notes
	// the noise it was trained with, see [ScheduleFS]; it belongs to the model, whatever the rule of a step
	Schedule diffusion.Schedule
}

// Open loads the model at a path: a weights file, or a folder that holds one, with the names of the original program
// or of diffusers. A config.json beside the weights counts; without one, the configuration is inferred from the
// shapes. Weights that do not fit are a [weights.ErrMismatch] that names the tensors.
func Open(ctx context.Context, e *engine.Engine, at string) (*Model, error) {
	return OpenFS(ctx, e, weights.Disk, filepath.ToSlash(at))
}

// OpenFS is [Open] of a path in a file system, such as that of the model that travels in the program.
func OpenFS(ctx context.Context, e *engine.Engine, fsys fs.FS, at string) (*Model, error) {
	config, file, set, err := open(fsys, at)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	schedule, err := ScheduleFS(fsys, at)
	if err != nil {
		return nil, err
	}
	m, err := load(ctx, e, config, file, set)
	if err != nil {
		return nil, err
	}
	m.Schedule = schedule
	return m, nil
}

// ConfigFS returns the configuration of the model at a path, as [OpenFS] finds it. Of the weights only names and
// shapes are read.
func ConfigFS(fsys fs.FS, at string) (Config, error) {
	config, file, _, err := open(fsys, at)
	if err != nil {
		return Config{}, err
	}
	return config, file.Close()
}

// open returns the configuration of the model at a path, its file, and the tensors in it.
func open(fsys fs.FS, at string) (c Config, file *weights.File, set *weights.Set, err error) {
	config, err := weights.ParseConfig(fsys, at, ParseConfig)
	if err != nil {
		return c, nil, nil, err
	}
	if file, err = weights.OpenFS(fsys, at); err != nil {
		return c, nil, nil, err
	}
	if set, err = weights.DiT(file); err == nil && config == nil {
		config, err = infer(set)
		if err != nil {
			err = fmt.Errorf("%s: %w", at, err)
		}
	}
	if err != nil {
		file.Close()
		return c, nil, nil, err
	}
	return *config, file, set, nil
}

// load is Open of a file that is open already, and whose tensors are in set.
func load(ctx context.Context, e *engine.Engine, c Config, file *weights.File, set *weights.Set) (*Model, error) {
	specs, err := e.Declare(c.Func, c.inputs()...)
	if err != nil {
		return nil, err
	}
	if err := checkPositions(c, set); err != nil {
		return nil, err
	}
	specs = append(specs, c.PositionsSpec())
	m := &Model{Config: c, Notes: file.Notes()}
	m.Weights, m.SHA256, err = e.UploadHashed(ctx, file, set, specs)
	return m, err
}

// inputs returns the shapes of x, t and y for one row.
func (c Config) inputs() []shapes.Shape {
	return []shapes.Shape{
		shapes.Make(TimeType, 1, c.Channels, c.InputSize, c.InputSize),
		shapes.Make(TimeType, 1),
		shapes.Make(LabelType, 1),
	}
}

// positions is the name of the fixed table that original files carry and diffusers' do not.
const positions = "pos_embed"

// PositionsSpec is the table of positions, which a file may have beside what Func asks for.
func (c Config) PositionsSpec() weights.Spec {
	return weights.Spec{Name: positions, Shape: []int{1, c.side() * c.side(), c.Hidden}, Optional: true}
}

// checkPositions compares a file's table of positions with ours. Numbers up to 1 are off by up to 2⁻¹² in float16 and
// 2⁻⁹ in bfloat16; another table is off by up to 2. Its shape is checked with that of the other tensors.
func checkPositions(c Config, set *weights.Set) error {
	if _, ok := set.Shape(positions); !ok {
		return nil
	}
	got, err := set.Float32s(positions)
	if err != nil {
		return err
	}
	want := Positions(c.Hidden, c.side())
	for i := range min(len(got), len(want)) {
		if !(math.Abs(float64(got[i]-want[i])) <= 0x1p-8) {
			return fmt.Errorf("%w: tensor %q: element %d is %v, want %v of the sine and cosine table",
				weights.ErrMismatch, positions, i, got[i], want[i])
		}
	}
	return nil
}
