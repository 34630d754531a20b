package diffusion

import (
	"context"
	"errors"
	"fmt"

	"github.com/gomlx/gomlx/core/tensors"
)

// Stepper runs the compiled [Sampler.Graph]; the arguments and the result have its shapes. The
// arguments are valid for the call only; the result goes over to [Sampler.Run].
type Stepper func(x, label, mode, z, coef *tensors.Tensor) (*tensors.Tensor, error)

// Batch is a number of images that take their steps together.
type Batch struct {
	Dims   [3]int    // C, h, w of one latent
	Labels []int32   // [B]
	Modes  []float32 // [B, C, h, w], one mode per image

	// Noise fills dst [C, h, w] with the standard normal numbers of one image, 0..B-1, for the
	// step-th executed step, counting from 0; step -1 is the start. It is called in order of
	// steps, then of images, and not for steps that need no noise. While a step is at work a goroutine draws
	// the noise of the next one.
	Noise func(image, step int, dst []float32)

	// Plain runs the compiled graph of [Sampler.Plain]; nil where that is nil.
	Plain Stepper
}

// NotFiniteError says that an image became NaN or infinite.
type NotFiniteError struct {
	Image int // in the batch
	Step  int // executed step after which it was found, from 0
	Steps int // of how many
}

func (e *NotFiniteError) Error() string {
	return fmt.Sprintf("image %d of the batch is not finite after step %d of %d", e.Image, e.Step+1, e.Steps)
}

// Run takes all steps from noise to latents [B, C, h, w]. It looks at ctx and at the state
// before each step; a state that is not finite is a [NotFiniteError].
func (s *Sampler) Run(ctx context.Context, exec Stepper, b Batch) ([]float32, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	if s.Plain() != nil && b.Plain == nil {
		return nil, errors.New("some steps are without classifier-free guidance, and nothing runs their graph")
	}
	states := s.States()
	x := b.start(states)
	fixed := b.fixed()
	defer fixed.finalize()
	noise := s.noise(b, 0, make([]float32, len(b.Modes)))
	defer func() { <-noise }() // no goroutine outlives the call
	spare := make([]float32, len(b.Modes))
	for k, step := range s.steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		z := <-noise
		noise = s.noise(b, k+1, spare)
		spare = z
		stepper := exec
		if step.Plain {
			stepper = b.Plain
		}
		next, err := b.step(stepper, fixed, states, x, z, step.Coef)
		if err != nil {
			return nil, fmt.Errorf("step %d of %d: %w", k+1, len(s.steps), err)
		}
		if i := notFinite(next); i >= 0 {
			return nil, &NotFiniteError{Image: i / (b.size() * states), Step: k, Steps: len(s.steps)}
		}
		x = next
	}
	return b.latents(x, states), nil
}

// noise starts to draw the noise of the k-th step, if it needs any, to z, and gives it out when it is there.
func (s *Sampler) noise(b Batch, k int, z []float32) <-chan []float32 {
	drawn := make(chan []float32, 1)
	if k == len(s.steps) || !s.steps[k].Noisy {
		drawn <- z
		close(drawn)
		return drawn
	}
	go func() {
		defer close(drawn)
		b.draw(z, k)
		drawn <- z
	}()
	return drawn
}

// check tests that the parts of the batch fit together.
func (b Batch) check() error {
	if len(b.Labels) == 0 || b.size() <= 0 {
		return fmt.Errorf("a batch of %d images of dimensions %v, want at least 1 of each", len(b.Labels), b.Dims)
	}
	if want := len(b.Labels) * b.size(); len(b.Modes) != want {
		return fmt.Errorf("modes have %d numbers, want %d for %d images of dimensions %v",
			len(b.Modes), want, len(b.Labels), b.Dims)
	}
	return nil
}

// size returns how many numbers one image has.
func (b Batch) size() int { return b.Dims[0] * b.Dims[1] * b.Dims[2] }

// draw fills dst [B, C, h, w] with noise, image by image.
func (b Batch) draw(dst []float32, step int) {
	for i := range b.Labels {
		b.Noise(i, step, dst[i*b.size():(i+1)*b.size()])
	}
}

// start returns the state [B, S·C, h, w] before the first step: noise, and nothing behind it.
func (b Batch) start(states int) []float32 {
	n := b.size()
	x := make([]float32, states*len(b.Modes))
	for i := range b.Labels {
		b.Noise(i, -1, x[i*states*n:][:n])
	}
	return x
}

// latents returns the latents of a state.
func (b Batch) latents(state []float32, states int) []float32 {
	if states == 1 {
		return state
	}
	n := b.size()
	x := make([]float32, 0, len(b.Modes))
	for i := range b.Labels {
		x = append(x, state[i*states*n:][:n]...)
	}
	return x
}

// dims returns the shape of the batch's latents.
func (b Batch) dims() []int { return append([]int{len(b.Labels)}, b.Dims[:]...) }

// fixed is the arguments that are the same for all steps: they go to the device once.
func (b Batch) fixed() arguments {
	return arguments{tensors.FromFlatDataAndDimensions(b.Labels, len(b.Labels)),
		tensors.FromFlatDataAndDimensions(b.Modes, b.dims()...)}
}

// arguments are tensors whose memory on the device is not left to the garbage collector.
type arguments []*tensors.Tensor

func (a arguments) finalize() {
	for _, t := range a {
		t.FinalizeAll()
	}
}

// step takes x one step further.
func (b Batch) step(exec Stepper, fixed arguments, states int, x, z, coef []float32) ([]float32, error) {
	dims := b.dims()
	args := arguments{
		tensors.FromFlatDataAndDimensions(x, dims[0], states*dims[1], dims[2], dims[3]),
		tensors.FromFlatDataAndDimensions(z, dims...),
		tensors.FromFlatDataAndDimensions(coef, len(coef)),
	}
	defer func() { args.finalize() }()
	out, err := exec(args[0], fixed[0], fixed[1], args[1], args[2])
	if err != nil {
		return nil, err
	}
	args = append(args, out)
	next, err := tensors.CopyFlatData[float32](out)
	if err == nil && len(next) != len(x) {
		err = fmt.Errorf("the step's result has shape %s, want dimensions %v", out.Shape(), args[0].Shape().Dimensions)
	}
	return next, err
}

// notFinite returns the position of the first NaN or infinity, -1 if there is none.
func notFinite(x []float32) int {
	for i, v := range x {
		if v-v != 0 {
			return i
		}
	}
	return -1
}
