package diffusion

import (
	"context"
	"errors"
	"fmt"
	"math"

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

	// Rows is how many images the compiled graphs take at once; 0 is all. The last call is filled up with the last
	// image.
	Rows int

	// Class is what the images share, all of one class, if they are coupled, see [Settings.Coupled].
	Class *Class

	// Mixed is of Settings.MixLabels alone.
	Mixed *MixedLabels
	rows  []float32 // [B, 2, D], what the network is told in the place of Labels; nil: these

	// Cloud fills dst with the standard normal numbers, and radii with the uniform ones, of one image and step, for
	// [Manifold] alone.
	Cloud func(image, step int, dst, radii []float32)

	Watch *Watch // nil: nobody looks
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
	if s.settings.Coupled() {
		if err := b.Class.check(b.size()); err != nil {
			return nil, err
		}
	}
	if s.settings.MixLabels && (b.Mixed == nil || len(b.Mixed.Other) != len(b.Labels)) {
		return nil, errors.New("there is nothing to mix labels with")
	}
	if s.settings.Guide == Manifold && b.Cloud == nil {
		return nil, errors.New("guide manifold has no numbers to make a cloud of")
	}
	x := s.start(b)
	chunks := b.chunks()
	defer func() { finalize(chunks) }()
	noise := s.noise(b, 0, make([]float32, len(b.Modes)))
	defer func() { <-noise }() // no goroutine outlives the call
	spare := make([]float32, len(b.Modes))
	for k, step := range s.steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		now, coupled := b, s.settings.Coupled() && step.Guided && k > 0
		if coupled {
			now.Modes = s.settings.aims(*b.Class, b.Modes, b.part(x, s.States(), 1), b.size())
		}
		if s.settings.MixLabels {
			now.rows = s.mixed(b, k, step)
		}
		if coupled || s.settings.MixLabels {
			finalize(chunks)
			chunks = now.chunks()
		}
		z := <-noise
		noise = s.noise(b, k+1, spare)
		spare = z
		stepper := exec
		if step.Plain {
			stepper = b.Plain
		}
		next := make([]float32, len(x))
		for _, c := range chunks {
			if err := b.step(stepper, c, s.States(), next, x, z, step.Coef); err != nil {
				return nil, fmt.Errorf("step %d of %d: %w", k+1, len(s.steps), err)
			}
		}
		if s.settings.Guide == Manifold && step.Guided {
			s.addManifold(b, k, step, x, next)
		}
		if i := notFinite(next); i >= 0 {
			return nil, &NotFiniteError{Image: i / (b.size() * s.States()), Step: k, Steps: len(s.steps)}
		}
		if b.Watch.sees(k, len(s.steps)) {
			if err := s.see(stepper, b, chunks, k, x, next); err != nil {
				return nil, err
			}
		}
		x = next
	}
	return b.part(x, s.States(), 0), nil
}

// addManifold adds to the next x what ManifoldGD adds; it is a pull as others.
func (s *Sampler) addManifold(b Batch, k int, step Step, x, next []float32) {
	n := b.size()
	c := cloud{radius: s.radius(step.Index), radii: make([]float32, manifoldPoints/2)}
	normals := make([]float32, 2*manifoldPoints*n)
	c.dirs, c.noise = normals[:len(normals)/2], normals[len(normals)/2:]
	for i := range b.Labels {
		b.Cloud(i, k, normals, c.radii)
		at := i * s.States() * n
		points := c.points(b.Modes[i*n:(i+1)*n], s.chain.AlphaBar[step.Index])
		term := manifoldTerm(x[at:at+n], points, s.settings.GuideScale, manifoldTangent, manifoldBandwidth)
		for _, part := range s.displaced() {
			for l, v := range term {
				next[at+part*n+l] += float32(v)
			}
		}
	}
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

// start returns the state [B, S·C, h, w] before the first step: noise, or the noised modes, and nothing behind it.
func (s *Sampler) start(b Batch) []float32 {
	n, states := b.size(), s.States()
	x := make([]float32, states*len(b.Modes))
	for i := range b.Labels {
		at := x[i*states*n:][:n]
		if len(s.steps) > 0 {
			b.Noise(i, -1, at)
		}
		if s.settings.From == 0 {
			continue
		}
		signal, noise := 1.0, 0.0
		if len(s.steps) > 0 {
			first := s.chain.first
			if s.settings.Noised > 0 {
				first = s.settings.Noised - 1
			}
			ab := s.chain.AlphaBar[first]
			signal, noise = math.Sqrt(ab), math.Sqrt(1-ab)
		}
		for l, m := range b.Modes[i*n : (i+1)*n] {
			at[l] = float32(signal*float64(m) + noise*float64(at[l]))
		}
	}
	return x
}

// part returns the i-th of the latents that a state has for each image.
func (b Batch) part(state []float32, states, i int) []float32 {
	if states == 1 {
		return state
	}
	n := b.size()
	x := make([]float32, 0, len(b.Modes))
	for image := range b.Labels {
		x = append(x, state[(image*states+i)*n:][:n]...)
	}
	return x
}

// chunk is the images lo to hi-1 in graphs of so many rows, and the arguments that are the same for all steps: they go
// to the device once.
type chunk struct {
	lo, hi, rows int
	fixed        arguments
}

func (b Batch) chunks() []chunk {
	rows, n := b.Rows, len(b.Labels)
	if rows == 0 {
		rows = n
	}
	var chunks []chunk
	for lo := 0; lo < n; lo += rows {
		c := chunk{lo: lo, hi: min(n, lo+rows), rows: rows}
		labels := tensors.FromFlatDataAndDimensions(filled(b.Labels[lo:c.hi], 1, rows), rows)
		if d := len(b.rows) / n; d > 0 {
			labels = tensors.FromFlatDataAndDimensions(filled(b.rows[lo*d:c.hi*d], d, rows), rows, 2, d/2)
		}
		c.fixed = arguments{labels, c.tensor(b, b.Modes, 1)}
		chunks = append(chunks, c)
	}
	return chunks
}

// tensor returns the chunk's rows of data, which has so many latents for each image.
func (c chunk) tensor(b Batch, data []float32, states int) *tensors.Tensor {
	n := states * b.size()
	return tensors.FromFlatDataAndDimensions(filled(data[c.lo*n:c.hi*n], n, c.rows), c.rows, states*b.Dims[0],
		b.Dims[1],
		b.Dims[2])
}

// filled returns rows of n numbers with the last one repeated until there are so many.
func filled[T any](data []T, n, rows int) []T {
	if len(data) == n*rows {
		return data
	}
	all := append(make([]T, 0, n*rows), data...)
	for len(all) < n*rows {
		all = append(all, data[len(data)-n:]...)
	}
	return all
}

func finalize(chunks []chunk) {
	for _, c := range chunks {
		c.fixed.finalize()
	}
}

// arguments are tensors whose memory on the device is not left to the garbage collector.
type arguments []*tensors.Tensor

func (a arguments) finalize() {
	for _, t := range a {
		t.FinalizeAll()
	}
}

// step takes the chunk's images in x one step further, to next.
func (b Batch) step(exec Stepper, c chunk, states int, next, x, z, coef []float32) error {
	args := arguments{c.tensor(b, x, states), c.tensor(b, z, 1), tensors.FromFlatDataAndDimensions(coef, len(coef))}
	defer func() { args.finalize() }()
	out, err := exec(args[0], c.fixed[0], c.fixed[1], args[1], args[2])
	if err != nil {
		return err
	}
	args = append(args, out)
	made, err := tensors.CopyFlatData[float32](out)
	n := states * b.size()
	if err == nil && len(made) != c.rows*n {
		err = fmt.Errorf("the step's result has shape %s, want dimensions %v", out.Shape(), args[0].Shape().Dimensions)
	}
	if err != nil {
		return err
	}
	copy(next[c.lo*n:c.hi*n], made)
	return nil
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
