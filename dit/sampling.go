package dit

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/diffusion"
	"mgd3/engine"
)

// Step is an [engine.Func]: one step of the sampler with this network, see [diffusion.Sampler.Graph].
func (c Config) Step(s *diffusion.Sampler) engine.Func {
	return func(p engine.Params, in []*Node) []*Node {
		denoise := func(x, t, y *Node) *Node { return c.Forward(p, x, t, y) }
		return []*Node{s.Graph(denoise, c.Null(), in[0], in[1], in[2], in[3], in[4])}
	}
}

// Tensors are what Step asks for.
func (m *Model) Tensors() engine.Weights { return m.Weights }

// Hash is SHA256.
func (m *Model) Hash() string { return m.SHA256 }

// ClassCount is Classes.
func (m *Model) ClassCount() int { return m.Classes }

// LabelRows returns the rows by which the network knows its labels, the last one that of none.
func (m *Model) LabelRows(e *engine.Engine) (diffusion.LabelRows, error) {
	program, err := e.Compile("labels", func(p engine.Params, in []*Node) []*Node {
		return []*Node{Add(ConvertDType(m.labels(p), dtypes.Float32), in[0])}
	}, m.Weights)
	if err != nil {
		return diffusion.LabelRows{}, err
	}
	rows := diffusion.LabelRows{Table: make([]float32, (m.Classes+1)*m.Hidden), D: m.Hidden}
	return rows, program.Into(rows.Table, tensors.FromValue(float32(0)))
}

// CheckLatent says what latents the model was made for, if not for those of [c, h, w].
func (m *Model) CheckLatent(shape []int) error {
	if want := []int{m.Channels, m.InputSize, m.InputSize}; !slices.Equal(shape, want) {
		return fmt.Errorf("the denoiser wants %v", want)
	}
	return nil
}

// Stepper runs a compiled [Config.Step] for [diffusion.Sampler.Run].
func Stepper(step *engine.Program) diffusion.Stepper {
	return func(x, label, mode, z, coef *tensors.Tensor) (*tensors.Tensor, error) {
		return step.Run1(x, label, mode, z, coef)
	}
}
