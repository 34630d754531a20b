package diffusion_test

import (
	"context"
	"fmt"

	"github.com/gomlx/compute/gobackend"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/diffusion"
)

// Sample with your own denoiser: any function of the latent x [B, C, h, w], the timestep t and the class y that
// returns the noise in x. This one finds no noise anywhere. Ten steps make a latent of one number, first without a
// pull, then pulled to the mode 1.
func ExampleSampler_Run() {
	backend, err := gobackend.New("")
	if err != nil {
		fmt.Println(err)
		return
	}
	denoiser := func(x, t, y *Node) *Node { return ZerosLike(x) }
	for _, lambda := range []float64{0, 0.1} {
		settings, err := diffusion.Published(diffusion.DDIMX0)
		if err != nil {
			fmt.Println(err)
			return
		}
		settings.Respacing, settings.Lambda, settings.Stop, settings.CFG = "10", lambda, 5, 1
		sampler, err := diffusion.New(settings)
		if err != nil {
			fmt.Println(err)
			return
		}
		const nullClass = 1000 // the label of "no class", for classifier-free guidance
		step, err := NewExec(backend, func(x, label, mode, z, coef *Node) *Node {
			return sampler.Graph(denoiser, nullClass, x, label, mode, z, coef)
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		x, err := sampler.Run(context.Background(),
			func(x, label, mode, z, coef *tensors.Tensor) (*tensors.Tensor, error) {
				return step.Call1(x, label, mode, z, coef)
			},
			diffusion.Batch{
				Dims:   [3]int{1, 1, 1}, // C, h, w
				Labels: []int32{207},    // one image, of class 207
				Modes:  []float32{1},
				Noise:  func(image, step int, dst []float32) { dst[0] = 0 }, // use package rng for real noise
			})
		fmt.Printf("λ %v: %.2f %v\n", lambda, x, err)
	}
	// Output:
	// λ 0: [0.00] <nil>
	// λ 0.1: [0.21] <nil>
}

// Which of 1,000 training steps a chain of a few takes.
func ExampleRespace() {
	for _, spec := range []string{"10", "ddim10", "leading10", "2,3"} {
		steps, err := diffusion.Respace(spec, 1000)
		fmt.Println(spec, steps, err)
	}
	_, err := diffusion.Respace("600,600", 1000)
	fmt.Println(err)
	// Output:
	// 10 [0 111 222 333 444 555 666 777 888 999] <nil>
	// ddim10 [0 100 200 300 400 500 600 700 800 900] <nil>
	// leading10 [1 101 201 301 401 501 601 701 801 901] <nil>
	// 2,3 [0 499 500 750 999] <nil>
	// respacing "600,600": cannot divide section of 500 steps into 600
}

// Published settings, and what is said of changed ones.
func ExamplePublished() {
	settings, err := diffusion.Published(diffusion.DDPM)
	if err != nil {
		fmt.Println(err)
		return
	}
	settings.Respacing = "10"
	for _, warning := range settings.Warnings() {
		fmt.Println(warning)
	}
	// Output:
	// stop 25 counts steps and was set for 50, not 10: 5 is about the same place
	// lambda is 0.1 but stop 25 leaves none of the 10 steps guided
}
