package dit

import (
	"context"
	"fmt"
	"io/fs"
	"math"
	"path"
	"path/filepath"

	"github.com/gomlx/compute/shapes"

	"mgd3/engine"
	"mgd3/weights"
)

// Model is a denoiser with its weights on an engine.
type Model struct {
	Config
	Weights engine.Weights
	SHA256  string // of the weights' files, hex
}

// Open loads the model in folder dir: config.json and the weights, ours or diffusers'. A weights
// file of another model is a [weights.ErrMismatch] that names the tensors.
func Open(ctx context.Context, e *engine.Engine, dir string) (*Model, error) {
	config, err := ReadConfig(filepath.Join(dir, "config.json"))
	if err != nil {
		return nil, err
	}
	file, err := weights.Open(dir)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return load(ctx, e, config, file)
}

// OpenFS is [Open] of a folder in a file system, such as that of the model that travels in the program.
func OpenFS(ctx context.Context, e *engine.Engine, fsys fs.FS, dir string) (*Model, error) {
	config, err := ReadConfigFS(fsys, path.Join(dir, "config.json"))
	if err != nil {
		return nil, err
	}
	file, err := weights.OpenFS(fsys, dir)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return load(ctx, e, config, file)
}

// load is Open of a file that is open already.
func load(ctx context.Context, e *engine.Engine, c Config, file *weights.File) (*Model, error) {
	set, err := weights.DiT(file)
	if err != nil {
		return nil, err
	}
	specs, err := e.Declare(c.Func, c.inputs()...)
	if err != nil {
		return nil, err
	}
	if err := checkPositions(c, set); err != nil {
		return nil, err
	}
	specs = append(specs, c.PositionsSpec())
	m := &Model{Config: c}
	if m.Weights, err = e.Upload(set, specs); err != nil {
		return nil, err
	}
	m.SHA256, err = file.SHA256(ctx)
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

// checkPositions compares a file's table of positions with ours; files in half precision are off by
// up to 2⁻¹¹. Its shape is checked with that of the other tensors.
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
		if !(math.Abs(float64(got[i]-want[i])) <= 0x1p-10) {
			return fmt.Errorf("%w: tensor %q: element %d is %v, want %v of the sine and cosine table",
				weights.ErrMismatch, positions, i, got[i], want[i])
		}
	}
	return nil
}
