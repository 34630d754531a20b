package latent

import (
	"encoding/json"
	"fmt"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
	"mgd3/weights"
)

// vq is diffusers' VQModel, the autoencoder of latent diffusion whose decoder knows K latents only, its codebook (van
// den Oord et al. 2017, arXiv:1711.00937, eq. 1; Esser et al. 2021, arXiv:2012.09841, eq. 2). As the first programs of
// latent diffusion do, the lookup is before the decoder, so that the denoiser works with latents as they are:
//
//	latent  = scaling · quant( encoder(image) )
//	image   = decoder( post_quant( book[j] ) ),  j = argmin_j |latent/scaling − book[j]|², the first of equals
//
// The rest is as in AutoencoderKL; there is no posterior.
//
//	name    shape             meaning
//	latent  [B, e, S/f, S/f]  e channels of the codebook, 3 in the published ones; scaled units
//	book    [K, e]            quantize.embedding.weight
type vq struct {
	Config     // of encoder and decoder
	embed  int // e
	codes  int // K
}

const (
	vqClass  = "VQModel"
	codebook = "quantize.embedding.weight"
)

func (c vq) layout() Layout { return Layout{c.embed, c.Downsampling()} }

func (c vq) encode(p engine.Params, image *Node) *Node {
	h := c.encoder(p.In("encoder"), channelsLast(image), c.LatentChannels, func(string, *Node) {})
	h = engine.Conv2D(p.In("quant_conv"), h, c.embed, 1, 1, [2]int{})
	return MulScalar(channelsFirst(h), c.ScalingFactor)
}

func (c vq) decode(p engine.Params, latent *Node) *Node {
	return c.decodeSeen(p, latent, func(string, *Node) {})
}

// decodeSeen is decode; see is told of intermediate values, channels last, by the goldens' names.
func (c vq) decodeSeen(p engine.Params, latent *Node, see func(string, *Node)) *Node {
	x := c.lookup(p.Get(codebook, c.codes, c.embed), channelsLast(DivScalar(latent, c.ScalingFactor)))
	see("quantized", x)
	x = engine.Conv2D(p.In("post_quant_conv"), x, c.LatentChannels, 1, 1, [2]int{})
	return c.image(p.In("decoder"), x, see)
}

// piece is how many rows of the codebook are compared at a time: all distances at once would take 134 MB for an image
// of 256 pixels.
const piece = 1024

// lookup replaces each row of z [B, h, w, e] by the nearest of the codebook: |z−b|² is smallest where |b|²/2 − z·b is.
func (c vq) lookup(book, z *Node) *Node {
	rows := Reshape(z, z.Shape().Size()/c.embed, c.embed)
	var least, nearest *Node
	for lo := 0; lo < c.codes; lo += piece {
		part := Slice(book, AxisRange(lo, min(lo+piece, c.codes)), AxisRange())
		norms := MulScalar(ReduceSum(Square(part), -1), 0.5)
		scores := Sub(ExpandAxes(norms, 0), Einsum("nk,ck->nc", rows, part))
		value := ReduceMin(scores, -1)
		index := AddScalar(ArgMin(scores, -1, dtypes.Int32), float64(lo))
		if lo > 0 {
			closer := LessThan(value, least)
			value, index = Where(closer, value, least), Where(closer, index, nearest)
		}
		least, nearest = value, index
	}
	return Reshape(Gather(book, ExpandAxes(nearest, -1)), z.Shape().Dimensions...)
}

// parseVQ reads the config.json of a diffusers VQModel folder.
func parseVQ(data []byte) (vq, error) {
	file := struct {
		Codes int    `json:"num_vq_embeddings"`
		Embed *int   `json:"vq_embed_dim"`
		Norm  string `json:"norm_type"`
	}{256, nil, "group"}
	if err := weights.UnmarshalJSON(data, &file); err != nil {
		return vq{}, err
	}
	kl, err := parseConfig(data, vqClass, 3)
	if err != nil {
		return vq{}, err
	}
	c := vq{kl, kl.LatentChannels, file.Codes}
	if file.Embed != nil {
		c.embed = *file.Embed
	}
	if file.Norm != "group" {
		return c, fmt.Errorf("norm_type is %q, want group", file.Norm)
	}
	return c, c.check()
}

// JSON returns the config.json that [parseVQ] reads c from.
func (c vq) JSON() ([]byte, error) {
	kl, err := c.Config.JSON()
	if err != nil {
		return nil, err
	}
	fields := map[string]any{}
	if err := json.Unmarshal(kl, &fields); err != nil {
		return nil, err
	}
	for _, name := range []string{"use_quant_conv", "use_post_quant_conv"} { // a VQModel always has them
		delete(fields, name)
	}
	fields["_class_name"], fields["num_vq_embeddings"], fields["vq_embed_dim"] = vqClass, c.codes, c.embed
	return json.MarshalIndent(fields, "", "  ")
}

func (c vq) check() error {
	switch {
	case c.embed < 1 || c.embed > maxSize:
		return fmt.Errorf("vq_embed_dim is %d, want 1 to %d", c.embed, maxSize)
	case c.codes < 1 || c.codes > maxSize:
		return fmt.Errorf("num_vq_embeddings is %d, want 1 to %d", c.codes, maxSize)
	case c.SkipQuant || c.SkipPostQuant:
		return fmt.Errorf("use_quant_conv and use_post_quant_conv must be true in a %s", vqClass)
	}
	return c.Check()
}

func hasCodebook(set *weights.Set) bool {
	_, ok := set.Shape(codebook)
	return ok
}

// inferVQ returns the VQModel whose tensors set holds. What no shape tells is that of the published ones: 32 groups,
// and latents that are not scaled.
func inferVQ(set *weights.Set) (vq, error) {
	kl, err := inferLayers(set)
	if err != nil {
		return vq{}, err
	}
	kl.ScalingFactor = 1
	c := vq{Config: kl}
	if shape, _ := set.Shape(codebook); len(shape) == 2 {
		c.codes, c.embed = shape[0], shape[1]
	}
	if err := c.check(); err != nil {
		return c, fmt.Errorf("%w: %w", weights.ErrMismatch, err)
	}
	return c, nil
}
