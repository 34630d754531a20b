package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/dataset"
	"mgd3/engine"
	"mgd3/features"
	"mgd3/internal/words"
	"mgd3/latent"
	"mgd3/rng"
	"mgd3/stage"
	"mgd3/weights"
)

// AutoencoderSettings are the shape of the autoencoder and the weights of its loss's terms.
type AutoencoderSettings struct {
	Channels  []int `json:"channels"`  // width of each level, full resolution first; every further one halves the sides
	Layers    int   `json:"layers"`    // residual blocks of a level of the encoder; the decoder has one more
	Latent    int   `json:"latent"`    // channels of the latent
	Groups    int   `json:"groups"`    // of every group norm
	Attention bool  `json:"attention"` // in the middle

	Loss string `json:"loss"` // of the pixels, one of Losses: mean |x − x̂| or mean (x − x̂)²
	// weight of ½·(mean² + σ² − 1 − ln σ²), the mean over all numbers of the latents
	KL float64 `json:"kl"`
	// weight of the differences of neighbours, rows and columns, in the same norm as Loss
	Gradient   float64 `json:"gradient"`
	Perceptual float64 `json:"perceptual"` // weight of LPIPS, the mean over the images
}

// The losses of the pixels.
const (
	L1 = "l1"
	L2 = "l2"
)

// Losses lists them.
var Losses = []string{L1, L2}

// config returns the network for images of size pixels, with latents unscaled.
func (s AutoencoderSettings) config(size int) latent.Config {
	return latent.Config{
		BlockOutChannels: s.Channels, LayersPerBlock: s.Layers, LatentChannels: s.Latent, Groups: s.Groups,
		ScalingFactor: 1, SampleSize: size, SkipAttention: !s.Attention,
	}
}

// Check names the first setting out of its range.
func (s AutoencoderSettings) Check(size int) error {
	if err := s.config(size).Check(); err != nil {
		return err
	}
	if _, err := s.config(size).LatentShape(size); err != nil {
		return err
	}
	if !slices.Contains(Losses, s.Loss) {
		return fmt.Errorf("the loss is %q, want %s", s.Loss, words.Or(Losses))
	}
	for name, w := range map[string]float64{"kl": s.KL, "gradient": s.Gradient, "perceptual": s.Perceptual} {
		if !(w >= 0) || math.IsInf(w, 1) {
			return fmt.Errorf("the weight of %s is %v, want at least 0", name, w)
		}
	}
	return nil
}

// TrainAutoencoder trains an AutoencoderKL and writes its folder, in diffusers' layout. The scaling factor is 1 over
// the standard deviation of the posterior means of up to [scalingImages] images. perceptual is the file of the
// network of LPIPS, as [features.Weights] takes it; "" where its term has no weight.
func TrainAutoencoder(ctx context.Context, o Options, s AutoencoderSettings, perceptual string) error {
	if err := o.Check(); err != nil {
		return err
	}
	if err := s.Check(o.Images.Size); err != nil {
		return err
	}
	lpips, sum, err := o.perceptual(ctx, s, perceptual)
	if err != nil {
		return err
	}
	record, err := o.newRecord(ctx, Record{Network: networkAutoencoder, Settings: s, Perceptual: sum})
	if err != nil {
		return err
	}
	if done, err := o.finished(ctx, record); done || err != nil {
		return err
	}
	pictures, err := o.pictures(ctx)
	if err != nil {
		return err
	}
	a := &autoencoding{&o, s, s.config(o.Images.Size), lpips, pictures, nil}
	t, err := o.loop(ctx, a.task(record.Key))
	if err != nil {
		return err
	}
	list, err := o.stored(t)
	if err != nil {
		return err
	}
	if a.config.ScalingFactor, err = a.scaling(ctx, t.mean); err != nil {
		return err
	}
	config, err := a.config.JSON()
	if err != nil {
		return err
	}
	return o.finish(ctx, record, t, list, config)
}

// perceptual loads the network of LPIPS, where its term has a weight, and returns the hash of its file.
func (o *Options) perceptual(ctx context.Context, s AutoencoderSettings, path string) (engine.Weights, string, error) {
	switch {
	case s.Perceptual == 0:
		return nil, "", nil
	case path == "":
		return nil, "", fmt.Errorf("the perceptual term has weight %v but no network", s.Perceptual)
	case o.Images.Size < features.MinSize:
		return nil, "", fmt.Errorf("the perceptual term needs images of %d pixels, have %d", features.MinSize,
			o.Images.Size)
	}
	file, err := weights.Open(path)
	if err != nil {
		return nil, "", err
	}
	sum, err := file.SHA256(ctx)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, "", err
	}
	w, err := features.Weights(o.Engine, path)
	return w, sum, err
}

// autoencoding is one training of an autoencoder.
type autoencoding struct {
	o           *Options
	settings    AutoencoderSettings
	config      latent.Config
	lpips       engine.Weights
	pictures    *pictures
	reconstruct *sampler
}

func (a *autoencoding) task(key string) task {
	t := task{
		network: networkAutoencoder, key: key, terms: []string{"pixels", "kl"}, size: len(a.pictures.refs),
		loss: a.loss, batch: a.batch, fresh: likeTorch, sample: a.sample, names: weights.Autoencoder,
	}
	if a.settings.Gradient > 0 {
		t.terms = append(t.terms, "gradient")
	}
	if a.settings.Perceptual > 0 {
		t.terms = append(t.terms, "perceptual")
		t.frozen = a.lpips
	}
	return t
}

// loss is of x [B, 3, S, S] and ζ [B, c, h, w]; the package comment has its formula. The KL of N(mean, σ²) to N(0, 1),
// with ln σ² as the network gives it, is
//
//	½·(mean² + σ² − 1 − ln σ²)      Kingma and Welling 2014, appendix B
//
// as a mean over all numbers of the latents. The program of Rombach et al. sums this term and that of the pixels over
// an image: its weight times c·h·w/(3·S²) is ours.
func (a *autoencoding) loss(p engine.Params, in []*Node) []*Node {
	x, zeta, s := in[0], in[1], a.settings
	mean, logvar := a.config.Moments(p, x)
	z := Add(mean, Mul(Exp(MulScalar(logvar, 0.5)), zeta))
	y := a.config.Decode(p, z)

	pixels := a.distance(Sub(x, y))
	kl := MulScalar(ReduceAllMean(Sub(Add(Square(mean), Exp(logvar)), OnePlus(logvar))), 0.5)
	terms := []*Node{pixels, kl}
	loss := Add(pixels, MulScalar(kl, s.KL))
	if s.Gradient > 0 {
		d := Sub(x, y)
		edges := Add(a.distance(difference(d, 2)), a.distance(difference(d, 3)))
		terms = append(terms, edges)
		loss = Add(loss, MulScalar(edges, s.Gradient))
	}
	if s.Perceptual > 0 {
		far := ReduceAllMean(features.LPIPS(p.In(frozenScope), x, y))
		terms = append(terms, far)
		loss = Add(loss, MulScalar(far, s.Perceptual))
	}
	return append([]*Node{loss}, terms...)
}

// distance is the mean |d| or d² over all elements.
func (a *autoencoding) distance(d *Node) *Node {
	if a.settings.Loss == L2 {
		return ReduceAllMean(Square(d))
	}
	return ReduceAllMean(Abs(d))
}

// difference returns x[i+1] − x[i] along an axis.
func difference(x *Node, axis int) *Node {
	n := x.Shape().Dim(axis)
	return Sub(SliceAxis(x, axis, AxisRange(1, n)), SliceAxis(x, axis, AxisRange(0, n-1)))
}

// batch returns x [B, 3, S, S] in −1 … 1 and ζ [B, c, h, w] of the n-th step. All that is random comes from one stream,
// first the flips and then the noise; the order is part of what a seed means.
func (a *autoencoding) batch(ctx context.Context, n int, at []int) ([]*tensors.Tensor, error) {
	images, err := a.pictures.take(ctx, at)
	if err != nil {
		return nil, err
	}
	stream := rng.Stream(a.o.Protocol.Seed, "autoencoder", uint64(n))
	if a.o.Protocol.Flip {
		for i := range images {
			if stream.IntN(2) == 1 {
				images[i] = dataset.Flip(images[i])
			}
		}
	}
	shape := a.latentShape(len(at))
	zeta := make([]float32, size(shape))
	rng.Normals(stream, zeta)
	return []*tensors.Tensor{a.tensor(images), tensors.FromFlatDataAndDimensions(zeta, shape...)}, nil
}

func (a *autoencoding) latentShape(n int) []int {
	side := a.o.Images.Size / a.config.Downsampling()
	return []int{n, a.config.LatentChannels, side, side}
}

// tensor returns images as [n, 3, S, S].
func (a *autoencoding) tensor(images []*dataset.RGB) *tensors.Tensor {
	side := a.o.Images.Size
	n := 3 * side * side
	x := make([]float32, len(images)*n)
	for i, im := range images {
		dataset.ToTensor(x[i*n:(i+1)*n], im)
	}
	return tensors.FromFlatDataAndDimensions(x, len(images), 3, side, side)
}

// sample draws two rows for each of the first classes: images, and what comes back.
func (a *autoencoding) sample(ctx context.Context, mean engine.Weights) (*dataset.RGB, error) {
	if a.reconstruct == nil {
		var err error
		if a.reconstruct, err = newSampler(a.o.Engine, "reconstruct", a.config.Reconstruct); err != nil {
			return nil, err
		}
	}
	a.reconstruct.set(mean)
	var rows [][]*dataset.RGB
	for _, at := range firstRows(a.o.Data) {
		images, err := a.pictures.take(ctx, at)
		if err != nil {
			return nil, err
		}
		out := make([]float32, len(images)*3*a.o.Images.Size*a.o.Images.Size)
		if err := a.reconstruct.program.Take(out, a.tensor(images)); err != nil {
			return nil, err
		}
		rows = append(rows, images, imagesOf(out, a.o.Images.Size))
	}
	return grid(rows), nil
}

// scalingImages is how many images, spread evenly over all, the scaling factor is taken from.
const scalingImages = 10_000

// scaling returns 1/σ of the posterior means, over all their numbers together, so that the denoiser sees latents of
// variance 1 (Rombach et al. 2022, appendix G). Sums are in float64: the mean is near 0, so E z² − (E z)² loses
// nothing. The images are not mirrored, whatever the training did.
func (a *autoencoding) scaling(ctx context.Context, w engine.Weights) (float64, error) {
	encode, err := a.o.Engine.Compile("encode", func(p engine.Params, in []*Node) []*Node {
		return []*Node{a.config.Encode(p, in[0])}
	}, w)
	if err != nil {
		return 0, err
	}
	all := len(a.pictures.refs)
	n := min(all, scalingImages)
	row := size(a.latentShape(1))
	latents := make([]float32, n*row)
	err = a.o.Engine.EachFilled(ctx, n, a.o.Protocol.Batch, func(ctx context.Context, lo, hi, rows int) error {
		at := make([]int, hi-lo)
		for i := range at {
			at[i] = (lo + i) * all / n
		}
		images, err := a.pictures.take(ctx, engine.Fill(at, rows))
		if err != nil {
			return err
		}
		out := make([]float32, rows*row)
		err = encode.Take(out, a.tensor(images))
		copy(latents[lo*row:hi*row], out)
		return err
	})
	if err != nil {
		return 0, err
	}
	a.o.report(Event{Event: stage.Event{Stage: StageEncode, Done: n, Total: n}})
	sum, squares := 0.0, 0.0
	for _, v := range latents {
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	count := float64(len(latents))
	variance := squares/count - sum/count*sum/count
	if !(variance > 0) {
		return 0, fmt.Errorf("the latents have variance %v, want above 0: the autoencoder has learnt nothing", variance)
	}
	return 1 / math.Sqrt(variance), nil
}
