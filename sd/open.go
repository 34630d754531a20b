package sd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"mgd3/diffusion"
	"mgd3/diffusion/scheduler"
	"mgd3/engine"
	"mgd3/text"
	"mgd3/unet"
	"mgd3/weights"
)

// ErrPipeline marks a folder that is not a pipeline of a text-to-image model, or lacks a part of one.
var ErrPipeline = errors.New("not a whole text-to-image model")

// Options say what the files do not.
type Options struct {
	// Text is the folder of the text encoders and tokenizers, if they are not beside the denoiser's; "" if they are.
	Text string

	// Prediction is what the network predicts, where Given; else what the scheduler's configuration says, or, of a
	// checkpoint without one, what is usual.
	Prediction diffusion.Prediction
	Given      bool
}

// Is reports whether the network at a path is a U-Net of latent diffusion, by its config.json or the names of its
// tensors.
func Is(fsys fs.FS, at string) bool {
	file, _ := weights.SplitSection(fsys, at)
	dir := file
	info, err := fs.Stat(fsys, file)
	if err != nil {
		return false
	}
	if !info.IsDir() {
		dir = path.Dir(file)
	}
	var config struct {
		Class string `json:"_class_name"`
	}
	if text, err := weights.ReadText(fsys, path.Join(dir, weights.ConfigFile)); err == nil {
		if weights.UnmarshalJSON(text, &config) == nil && config.Class != "" && info.IsDir() {
			return config.Class == "UNet2DConditionModel"
		}
	}
	f, err := weights.OpenFS(fsys, at)
	if err != nil {
		return false
	}
	defer f.Close()
	if kind, err := weights.CheckpointOf(f); err != nil || kind != weights.NoCheckpoint {
		return true
	}
	set, err := weights.UNet(f)
	if err != nil {
		return false
	}
	_, ok := set.Shape("down_blocks.0.resnets.0.conv1.weight")
	_, inside := set.Shape("time_embedding.linear_1.weight")
	return ok && inside
}

// OpenFS loads the denoiser at a path: the folder unet of a pipeline of diffusers, beside which its text encoders,
// tokenizers and scheduler lie, or the checkpoint of a whole model, with all of them in it. The denoiser is a [*Model],
// or a [*Network] that knows classes without prompts.
func OpenFS(ctx context.Context, e *engine.Engine, fsys fs.FS, at string, o Options) (*Model, *Network, error) {
	l, err := look(ctx, fsys, at)
	if err != nil {
		return nil, nil, err
	}
	u, err := unet.OpenFS(ctx, e, fsys, at)
	if err != nil {
		return nil, nil, err
	}
	n := Network{Model: u, engine: e, hash: u.SHA256, Side: u.SampleSize}
	if err := n.schedule(fsys, at, l.kind, o); err != nil {
		return nil, nil, err
	}
	if l.kind == weights.ClassLDM {
		if l.width != u.ContextDim {
			return nil, nil, fmt.Errorf("%s: %w: its table of classes has rows of %d numbers, the denoiser takes %d",
				at, weights.ErrMismatch, l.width, u.ContextDim)
		}
		if l.hash != "" {
			n.hash = joined([]string{u.SHA256, l.hash})
		}
		return nil, &n, n.tell(1, l.table, nil)
	}
	m := &Model{Network: n}
	if m.Places, err = places(fsys, at, l.kind, u.Config, o); err != nil {
		return nil, nil, err
	}
	return m, nil, m.hashText(ctx)
}

// ClassFolder is the folder beside a class-conditional denoiser's in which its table of classes is.
const ClassFolder = "class_embedder"

// looked is what is known of a denoiser by its files: of which checkpoint it is, and the table of the classes, if it is
// told their numbers.
type looked struct {
	kind    weights.Checkpoint
	table   []float32 // [classes + 1, width]
	classes int
	width   int
	hash    string // of the table's own file, "" where it is in the denoiser's
}

// look returns what the file or folder at a path is: the table is in the checkpoint, or in a folder beside the
// denoiser's.
func look(ctx context.Context, fsys fs.FS, at string) (l looked, err error) {
	f, err := weights.OpenFS(fsys, at)
	if err != nil {
		return l, err
	}
	defer f.Close()
	if l.kind, err = weights.CheckpointOf(f); err != nil {
		return l, err
	}
	own, table := f, path.Join(rootOf(fsys, at), ClassFolder)
	if l.kind == weights.NoCheckpoint && isFolder(fsys, table) {
		if own, err = weights.OpenFS(fsys, table); err != nil {
			return l, err
		}
		defer own.Close()
		if l.hash, err = own.SHA256(ctx); err != nil {
			return l, err
		}
		l.kind = weights.ClassLDM
	}
	if l.kind != weights.ClassLDM {
		return l, nil
	}
	set, err := weights.ClassTable(own)
	if err != nil {
		return l, err
	}
	l.table, l.classes, l.width, err = set.ClassRows()
	return l, err
}

// rootOf is the folder of the pipeline that the denoiser at a path, a folder or a file in one, is part of.
func rootOf(fsys fs.FS, at string) string {
	at, _ = weights.SplitSection(fsys, at)
	if isFolder(fsys, at) {
		return path.Dir(at)
	}
	return path.Dir(path.Dir(at))
}

func isFolder(fsys fs.FS, at string) bool {
	info, err := fs.Stat(fsys, at)
	return err == nil && info.IsDir()
}

// hashText makes the hash that of all that the conditions and the predictions depend on: the text encoders' files,
// their configurations and the denoiser's, the tokenizers, and what the condition without a prompt is.
func (m *Model) hashText(ctx context.Context) error {
	u := m.Config
	u.SampleSize = 0 // changes no prediction
	hashes := []string{m.hash, fmt.Sprintf("%+v", u)}
	for _, place := range m.Places.List {
		if place.Tokenizer == "" { // in the denoiser's own file
			continue
		}
		hash, note, err := place.hash(ctx, m.Places.FS)
		if err != nil {
			return err
		}
		hashes = append(hashes, hash...)
		if note != "" {
			m.Notes = append(m.Notes, note)
		}
	}
	if m.AddedLen() > 0 && !m.Places.ZeroEmpty {
		hashes = append(hashes, "force_zeros_for_empty_prompt false")
	}
	m.hash = joined(hashes)
	return nil
}

// hash says what a text encoder in a folder of its own is, and its tokenizer. A note says that they hardly belong
// together.
func (p Place) hash(ctx context.Context, fsys fs.FS) (hashes []string, note string, err error) {
	c, err := text.ConfigFS(fsys, p.Encoder)
	if err != nil {
		return nil, "", err
	}
	t, err := text.OpenTokenizer(fsys, p.Tokenizer)
	if err != nil {
		return nil, "", err
	}
	f, err := weights.OpenFS(fsys, p.Encoder)
	if err != nil {
		return nil, "", err
	}
	hash, err := f.SHA256(ctx)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, "", err
	}
	config := "" // inferred from the weights
	if c != nil {
		config = fmt.Sprintf("%+v", *c)
		if n := t.Size(); n != c.Vocabulary {
			note = fmt.Sprintf("warning: %s has %d tokens, the text encoder beside it %d: one may be another model's",
				p.Tokenizer, n, c.Vocabulary)
		}
	}
	return []string{hash, config, t.SHA256()}, note, nil
}

// usual is what is known of the published models of each kind: the side of their latents.
var usual = map[weights.Checkpoint]int{weights.SD1: 64, weights.SD2: 96, weights.SDXL: 128, weights.ClassLDM: 64}

// UsualSide is the height and width of the latents of the published models of a kind.
func UsualSide(kind weights.Checkpoint) int { return usual[kind] }

// Usual is how the published models of a kind were trained and take steps, which their checkpoints do not say. Of
// Stable Diffusion 2 it is that of 768 pixels, which predicts v.
func Usual(kind weights.Checkpoint) scheduler.Config {
	c := scheduler.StableDiffusion()
	switch kind {
	case weights.SD2:
		c.Schedule.Prediction = diffusion.Velocity
	case weights.ClassLDM:
		c.Schedule.Start, c.Schedule.End = 0.0015, 0.0195
	}
	return c
}

// schedule finds out what noise the network was trained with.
func (n *Network) schedule(fsys fs.FS, at string, kind weights.Checkpoint, o Options) error {
	file, _ := weights.SplitSection(fsys, at)
	dir := file
	if info, err := fs.Stat(fsys, file); err == nil && !info.IsDir() {
		dir = path.Dir(file)
	}
	read, err := scheduler.ReadFS(fsys, dir)
	if err == nil && read == nil && o.Text != "" { // the pipeline whose denoiser it takes the place of
		read, err = scheduler.ReadFS(fsys, path.Join(o.Text, "unet"))
	}
	if err != nil {
		return err
	}
	n.Scheduler = Usual(kind)
	if n.Side == 0 {
		n.Side = usual[kind]
	}
	said := "no scheduler_config.json says what it was trained with: taken is "
	switch {
	case read != nil:
		n.Scheduler = *read
		if n.AddedLen() == 0 && kind != weights.ClassLDM {
			n.Scheduler.Offset = 1 // diffusers' StableDiffusionPipeline takes no other, whatever the file says
		}
	case kind == weights.SD2:
		said = "no tensor tells whether a Stable Diffusion 2 predicts v, as that of 768 pixels does, or the noise, " +
			"as the base of 512: --prediction epsilon is of the latter; taken is "
	}
	if o.Given {
		n.Scheduler.Schedule.Prediction = o.Prediction
		if kind == weights.SD2 && o.Prediction == diffusion.Epsilon && n.SampleSize == 0 {
			n.Side = 64
		}
	}
	if read == nil && !(o.Given && kind == weights.SD2) {
		n.Notes = append(n.Notes, fmt.Sprintf("%s: %s%v", at, said, n.Scheduler.Schedule))
	}
	return nil
}

// places finds the text encoders of the denoiser at a path.
func places(fsys fs.FS, at string, kind weights.Checkpoint, u unet.Config, o Options) (Places, error) {
	p := Places{FS: fsys}
	xl := u.AddedLen() > 0
	layer := text.Last
	if xl {
		layer, p.ZeroEmpty = text.Penultimate, true
	}
	if kind != weights.NoCheckpoint && o.Text == "" {
		first := Place{Encoder: at, Padding: text.PadEnd, Options: text.Options{Layer: layer}}
		if kind == weights.SD2 {
			first.Padding = text.PadZero
		}
		if p.List = []Place{first}; kind == weights.SDXL {
			p.List = append(p.List, Place{Encoder: at, Padding: text.PadZero,
				Options: text.Options{Layer: layer, Second: true}})
		}
		return p, nil
	}
	root := o.Text
	if root == "" {
		root = rootOf(fsys, at)
	}
	suffixes := []string{""}
	if xl {
		suffixes = append(suffixes, "_2")
	}
	for _, suffix := range suffixes {
		place := Place{Encoder: path.Join(root, "text_encoder"+suffix), Tokenizer: path.Join(root, "tokenizer"+suffix),
			Options: text.Options{Layer: layer}}
		for _, dir := range []string{place.Encoder, place.Tokenizer} {
			if !isFolder(fsys, dir) {
				return p, fmt.Errorf("%w: there is no folder %q, which the prompts need", ErrPipeline, dir)
			}
		}
		p.List = append(p.List, place)
	}
	return p, p.readIndex(path.Join(root, "model_index.json"), xl)
}

// readIndex reads what the pipeline says of the empty prompt.
func (p *Places) readIndex(name string, xl bool) error {
	index := struct {
		Zero *bool `json:"force_zeros_for_empty_prompt"`
	}{}
	if _, err := weights.ReadJSON(p.FS, name, &index); err != nil {
		return err
	}
	if xl && index.Zero != nil {
		p.ZeroEmpty = *index.Zero
	}
	return nil
}

// Side returns the height and width of the latents that the network at a path was trained at, 0 where nothing says. It
// reads no weights.
func Side(fsys fs.FS, at string, o Options) (int, error) {
	l, err := look(context.Background(), fsys, at)
	if err != nil {
		return 0, err
	}
	kind := l.kind
	c, err := unet.ConfigFS(fsys, at)
	switch {
	case err != nil:
		return 0, err
	case c.SampleSize != 0:
		return c.SampleSize, nil
	case kind == weights.SD2 && o.Given && o.Prediction == diffusion.Epsilon:
		return usual[weights.SD1], nil
	}
	return usual[kind], nil
}

// IsPrompted reports whether the network at a path is told prompts, and not the numbers of classes.
func IsPrompted(fsys fs.FS, at string) bool {
	l, err := look(context.Background(), fsys, at)
	return err == nil && l.kind != weights.ClassLDM
}
