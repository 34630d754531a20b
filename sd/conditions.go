package sd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"mgd3/engine"
	"mgd3/text"
	"mgd3/unet"
	"mgd3/weights"
)

// ErrPrompt marks the prompt of a class that cannot be used.
var ErrPrompt = errors.New("prompt cannot be used")

// Place is a text encoder and its tokenizer.
type Place struct {
	Encoder   string // a folder, or the checkpoint of a whole model
	Tokenizer string // a folder; "" is the vocabulary in the program
	Padding   string // of the vocabulary in the program
	Options   text.Options
}

// Places says where the text encoders of a model are: one, or SDXL's two.
type Places struct {
	FS        fs.FS
	List      []Place
	ZeroEmpty bool // SDXL: the condition without a prompt is zeros, not that of the empty prompt
}

// conditions are those of all prompts, and of the empty one as the last.
type conditions struct {
	tokens, width int
	context       []float32 // [prompts + 1, tokens, width]
	pooled        []float32 // [prompts + 1, pooledWidth], of the last encoder
	pooledWidth   int
}

// conditions encodes the classes' prompts with one text encoder after the other.
func (p Places) conditions(ctx context.Context, e *engine.Engine, classes, prompts []string) (*conditions, error) {
	all := append(append([]string{}, prompts...), "")
	c := &conditions{tokens: text.Length}
	var tables [][]float32
	var widths []int
	ids := make([][][]int32, len(p.List))
	for i, place := range p.List { // all of them before the first network is opened
		var err error
		if ids[i], err = p.ids(place, classes, all); err != nil {
			return nil, err
		}
	}
	for i, place := range p.List {
		encoder, err := text.OpenFS(ctx, e, p.FS, place.Encoder, place.Options)
		if err != nil {
			return nil, err
		}
		hidden, pooled, err := encoder.Encode(ctx, ids[i])
		if err := errors.Join(err, encoder.Close()); err != nil {
			return nil, err
		}
		e.Trim()
		tables, widths = append(tables, hidden), append(widths, encoder.Width)
		c.pooled, c.pooledWidth = pooled, encoder.PooledWidth()
		c.width += encoder.Width
	}
	c.context = beside(tables, widths, len(all)*c.tokens)
	if p.ZeroEmpty {
		clear(c.context[len(prompts)*c.tokens*c.width:])
		clear(c.pooled[len(prompts)*c.pooledWidth:])
	}
	return c, nil
}

// ids are the tokens of the prompts. One that is too long is an [ErrPrompt] that names its class.
func (p Places) ids(place Place, classes, prompts []string) (ids [][]int32, err error) {
	var t *text.Tokenizer
	if place.Tokenizer == "" {
		t, err = text.BuiltIn(place.Padding)
	} else {
		t, err = text.OpenTokenizer(p.FS, place.Tokenizer)
	}
	if err != nil {
		return nil, err
	}
	for i, prompt := range prompts {
		row, err := t.IDs(prompt)
		if err != nil && i < len(classes) {
			return nil, fmt.Errorf("class %q: %w: %w", classes[i], ErrPrompt, err)
		}
		if err != nil {
			return nil, err
		}
		ids = append(ids, row)
	}
	return ids, nil
}

// beside puts the rows of tables of the given widths beside each other.
func beside(tables [][]float32, widths []int, rows int) []float32 {
	if len(tables) == 1 {
		return tables[0]
	}
	var out []float32
	for i := range rows {
		for k, table := range tables {
			out = append(out, table[i*widths[k]:(i+1)*widths[k]]...)
		}
	}
	return out
}

// fit holds the conditions against what the network takes, and returns what is added to its embedding of time for
// images of size pixels: [prompts + 1, AddedLen].
func (c *conditions) fit(u unet.Config, size int) (added []float32, err error) {
	if c.width != u.ContextDim {
		return nil, fmt.Errorf("%w: the text encoders give contexts of %d numbers, the denoiser takes %d: they are of "+
			"different models", weights.ErrMismatch, c.width, u.ContextDim)
	}
	if u.AddedLen() == 0 {
		return nil, nil
	}
	if c.pooledWidth != u.TextDim {
		return nil, fmt.Errorf("%w: the second text encoder gives %d pooled numbers, the denoiser takes %d: they are "+
			"of "+
			"different models", weights.ErrMismatch, c.pooledWidth, u.TextDim)
	}
	side := float32(size)
	for at := 0; at < len(c.pooled); at += c.pooledWidth {
		added = append(added, c.pooled[at:at+c.pooledWidth]...)
		added = append(added, side, side, 0, 0, side, side)
	}
	return added, nil
}
