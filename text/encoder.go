package text

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/weights"
)

// Options say which encoder of a file is meant, and what of it is wanted.
type Options struct {
	Layer  Layer // the hidden states
	Second bool  // of the checkpoint of a whole SDXL the second encoder
}

// Encoder is a text encoder with its weights on an engine.
type Encoder struct {
	Config
	SHA256 string   // of the weights' files, hex
	Notes  []string // how the file was read, see weights.File.Notes

	weights engine.Weights
	program *engine.Program
}

// Open loads the encoder at a path: a folder with a config.json of transformers' CLIPTextModel or
// CLIPTextModelWithProjection and the weights, a weights file with such a config.json beside it, or the checkpoint of a
// whole diffusion model. Weights that do not fit are a [weights.ErrMismatch] that names the tensors.
//
// Without a config.json the configuration is inferred from the shapes. Of the checkpoint of a whole Stable Diffusion 2
// the [Last] layer is the one before the last with the norm, as its program and diffusers' files have it, unless the
// last is left out.
func Open(ctx context.Context, e *engine.Engine, at string, o Options) (*Encoder, error) {
	return OpenFS(ctx, e, weights.Disk, filepath.ToSlash(at), o)
}

// OpenFS is [Open] of a path in a file system.
func OpenFS(ctx context.Context, e *engine.Engine, fsys fs.FS, at string, o Options) (*Encoder, error) {
	file, err := weights.OpenFS(fsys, at)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	set, kind, err := weights.TextEncoder(file, o.Second)
	if err != nil {
		return nil, err
	}
	var config *Config
	if !kind.Checkpoint {
		if config, err = ConfigFS(fsys, at); err != nil {
			return nil, err
		}
	}
	if config == nil {
		inferred, err := Infer(set, kind)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", at, err)
		}
		config = &inferred
	}
	if kind.Checkpoint && kind.OpenCLIP && o.Layer == Last && !config.LacksLast() {
		o.Layer = PenultimateNormed
	}
	return load(ctx, e, *config, file, set, o.Layer)
}

// load is Open of a file that is open already, and whose tensors are in set.
func load(ctx context.Context, e *engine.Engine, c Config, file *weights.File, set *weights.Set,
	layer Layer) (*Encoder, error) {
	own := *e
	own.Precision = engine.Float32
	specs, err := own.Declare(c.graph(layer), shapes.Make(dtypes.Int32, 1, c.Positions))
	if err != nil {
		return nil, err
	}
	if c.Projection == 0 { // files of some programs have it all the same
		if shape, ok := set.Shape(projection); ok {
			specs = append(specs, weights.Spec{Name: projection, Shape: shape, Optional: true})
		}
	}
	n := &Encoder{Config: c, Notes: file.Notes()}
	if n.weights, n.SHA256, err = own.UploadHashed(ctx, file, set, specs); err != nil {
		return nil, err
	}
	n.program, err = own.Compile("encode text", c.graph(layer), n.weights)
	return n, err
}

const projection = "text_projection.weight"

// graph is [Config.Forward] as an [engine.Func] of ids.
func (c Config) graph(layer Layer) engine.Func {
	return func(p engine.Params, in []*Node) []*Node {
		hidden, pooled := c.Forward(p, in[0], layer)
		return []*Node{hidden, pooled}
	}
}

// PooledWidth is P.
func (c Config) PooledWidth() int {
	if c.Projection > 0 {
		return c.Projection
	}
	return c.Width
}

// Encode returns hidden [n, L, D] and pooled [n, P] of n rows of L token ids each, one row after the other: the numbers
// of a row depend on no other row.
func (n *Encoder) Encode(ctx context.Context, ids [][]int32) (hidden, pooled []float32, err error) {
	for _, row := range ids {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		if err := n.check(row); err != nil {
			return nil, nil, err
		}
		in := tensors.FromFlatDataAndDimensions(row, 1, len(row))
		out, err := n.program.Run(in)
		if err != nil {
			return nil, nil, err
		}
		for i, to := range []*[]float32{&hidden, &pooled} {
			err = errors.Join(err, tensors.ConstFlatData(out[i], func(flat []float32) { *to = append(*to, flat...) }),
				out[i].FinalizeAll())
		}
		if err = errors.Join(err, in.FinalizeAll()); err != nil {
			return nil, nil, err
		}
	}
	return hidden, pooled, nil
}

// check refuses a row that the encoder has no tables for.
func (n *Encoder) check(row []int32) error {
	if len(row) < 1 || len(row) > n.Positions {
		return fmt.Errorf("a prompt of %d tokens, and the text encoder sees 1 to %d", len(row), n.Positions)
	}
	i := slices.IndexFunc(row, func(id int32) bool { return id < 0 || int(id) >= n.Vocabulary })
	if i >= 0 {
		return fmt.Errorf("%w: token %d is %d, and the text encoder has %d tokens: is the tokenizer another model's?",
			weights.ErrMismatch, i, row[i], n.Vocabulary)
	}
	if n.Pool != highest && !slices.Contains(row, int32(n.Pool)) {
		return fmt.Errorf("%w: no token of a prompt is %d, which the text encoder's config.json calls the end "+
			"(eos_token_id): is the tokenizer another model's?", weights.ErrMismatch, n.Pool)
	}
	return nil
}

// Close frees the weights; the encoder is of no use afterwards.
func (n *Encoder) Close() error {
	var errs []error
	for _, t := range n.weights {
		errs = append(errs, t.FinalizeAll())
	}
	return errors.Join(errs...)
}
