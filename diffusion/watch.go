package diffusion

// Watch sees what a chain takes the images to be on its way: x0 as it is predicted at some of the steps. The chain
// itself is not touched by it.
type Watch struct {
	Every int // steps from one look to the next; the last step is seen whatever it is

	// See is told x0 [B, C, h, w] at the k-th executed step, from 0, of so many.
	See func(k, steps int, x0 []float32) error
}

// sees reports whether step k of n is looked at.
func (w *Watch) sees(k, n int) bool {
	return w != nil && w.See != nil && (k == n-1 || k%max(1, w.Every) == 0)
}

// see looks at the step from x to next. Where the state keeps x0 this costs nothing, else one call of the network: the
// step with other scalars, which leave x0 alone of all that it adds up.
func (s *Sampler) see(exec Stepper, b Batch, chunks []chunk, k int, x, next []float32) error {
	x0 := []float32(nil)
	if s.States() > 1 {
		x0 = b.part(next, s.States(), 1)
	} else {
		x0 = make([]float32, len(x))
		for _, c := range chunks {
			if err := b.step(exec, c, 1, x0, x, make([]float32, len(x)), onlyX0(s.steps[k].Coef)); err != nil {
				return err
			}
		}
	}
	return b.Watch.See(k, len(s.steps), x0)
}

// onlyX0 are the scalars of a step whose result is x0: μ = 1·x0 + 0·x and nothing more in the DDPM family,
// 1·x0 + 0·ε in the DDIM family.
func onlyX0(coefficients []float32) []float32 {
	var c coef[float32]
	for i, field := range c.all() {
		*field = coefficients[i]
	}
	c.C1, c.C2, c.Shift, c.Guide, c.Prev, c.Dir, c.Noise = 1, 0, 0, 0, 1, 0, 0
	var v []float32
	for _, field := range c.all() {
		v = append(v, *field)
	}
	return v
}
