package convert

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"mgd3/diffusion/scheduler"
	"mgd3/latent"
	"mgd3/model"
	"mgd3/sd"
	"mgd3/text"
	"mgd3/unet"
	"mgd3/weights"
)

// part is one of the networks of a whole model.
type part struct {
	folder string // in a pipeline of diffusers
	name   string // of the file of weights there, without its ending
	file   *weights.File
	set    *weights.Set
	config []byte
}

// whole is a latent diffusion model by its parts: the denoiser, the autoencoder, and the text encoders or the table of
// classes.
type whole struct {
	kind  weights.Checkpoint
	parts []part
	text  []text.Config
	files []*weights.File // that the parts are in
	notes []string
}

func (w *whole) close() {
	for _, f := range w.files {
		f.Close()
	}
}

// Names of files and folders that diffusers and transformers have.
const (
	networkFile = "diffusion_pytorch_model"
	encoderFile = "model"
	unetFolder  = "unet"
	textFolder  = "text_encoder"
	tokenFolder = "tokenizer"
)

// suffixes are those of the folders of a kind's text encoders. SDXL has two text encoders, CLIP's ViT-L/14 and
// OpenCLIP's ViT-bigG/14, whose outputs are put side by side.
func suffixes(kind weights.Checkpoint) []string {
	switch kind {
	case weights.ClassLDM:
		return nil
	case weights.SDXL:
		return []string{"", "_2"}
	}
	return []string{""}
}

// padding is what the i-th tokenizer of a kind fills a prompt up with. OpenCLIP's tokenizer pads with 0, which is "!";
// CLIP's with the token that ends a text.
func padding(kind weights.Checkpoint, i int) string {
	if kind == weights.SD2 || i > 0 {
		return text.PadZero
	}
	return text.PadEnd
}

// isOpenCLIP reports whether the i-th text encoder of a kind is one of OpenCLIP's.
func isOpenCLIP(kind weights.Checkpoint, i int) bool { return kind == weights.SD2 || i > 0 }

// writeWhole converts a pipeline's folder to a checkpoint, or one to a folder.
func (o Options) writeWhole(ctx context.Context) (r Result, err error) {
	r.Out = o.Out
	// w is closed even where it was opened in part: add puts each file into w.files at once.
	var w whole
	defer w.close()
	if o.Names == Checkpoint {
		err = w.openFolder(ctx, o.In)
	} else {
		err = w.openFile(ctx, o.In)
	}
	r.Notes = w.notes
	if err != nil {
		return r, err
	}
	var paths []string
	for _, f := range w.files {
		r.Read += len(f.Names())
		r.Notes, paths = append(r.Notes, f.Notes()...), append(paths, f.Paths()...)
	}
	if o.Names == Checkpoint {
		err = o.writeCheckpoint(ctx, &r, &w, paths)
	} else {
		err = o.writePipeline(ctx, &r, &w)
	}
	return r, err
}

func (o Options) writeCheckpoint(ctx context.Context, r *Result, w *whole, paths []string) error {
	set, err := w.checkpoint()
	if err != nil {
		return err
	}
	c := weights.Conversion{Name: o.name(nil), DType: o.DType}
	shards, _, err := c.Shards(set)
	if err != nil {
		return err
	}
	unlock, err := o.lock()
	if err != nil {
		return outputError{err}
	}
	defer unlock()
	if err := o.checkOut(paths, shards, nil); err != nil {
		return outputError{err}
	}
	return o.write(ctx, r, shards, nil)
}

// checkpoint returns all tensors under the names of the first programs.
func (w *whole) checkpoint() (*weights.Set, error) {
	all := weights.Whole{Kind: w.kind, UNet: w.parts[0].set, Autoencoder: w.parts[1].set}
	// parts: the denoiser, the autoencoder, and what tells the denoiser what to draw
	for _, p := range w.parts[2:] {
		if w.kind == weights.ClassLDM {
			all.Classes = p.set
		} else {
			all.Text = append(all.Text, p.set)
		}
	}
	return all.Checkpoint()
}

// add opens a file of weights that parts are in.
func (w *whole) add(ctx context.Context, at string) (*weights.File, error) {
	f, err := weights.Open(at)
	if err != nil {
		return nil, err
	}
	w.files = append(w.files, f)
	return f, f.CheckRecord(ctx)
}

// openFile reads the checkpoint of a whole model.
func (w *whole) openFile(ctx context.Context, at string) error {
	f, err := w.add(ctx, at)
	if err != nil {
		return err
	}
	if w.kind, err = weights.CheckpointOf(f); err != nil {
		return err
	}
	if w.kind == weights.NoCheckpoint {
		return fmt.Errorf("%s: %w: --to pipeline wants the checkpoint of a whole model, with a denoiser under %q",
			at, weights.ErrMismatch, "model.diffusion_model.")
	}
	slash := filepath.ToSlash(at)
	c, errC := unet.ConfigFS(weights.Disk, slash)
	set, errS := weights.UNet(f)
	vaeConfig, _, errV := latent.Describe(weights.Disk, slash, w.kind)
	vae, errA := weights.Autoencoder(f)
	// all four read only names and shapes, so that all errors can be said at once
	if err := errors.Join(errC, errS, errV, errA); err != nil {
		return err
	}
	// in latents; no tensor of a U-Net has this size, since it is convolutional
	if c.SampleSize == 0 {
		c.SampleSize = sd.UsualSide(w.kind)
	}
	config, err := c.JSON()
	folder := "vae"
	if w.kind == weights.ClassLDM {
		folder = "vqvae"
	}
	w.parts = []part{{unetFolder, networkFile, f, set, config}, {folder, networkFile, f, vae, vaeConfig}}
	if err != nil {
		return err
	}
	if w.kind == weights.ClassLDM {
		table, err := weights.ClassTable(f)
		w.parts = append(w.parts, part{sd.ClassFolder, encoderFile, f, table, nil})
		return err
	}
	for i, suffix := range suffixes(w.kind) {
		set, kind, err := weights.TextEncoder(f, i > 0)
		if err != nil {
			return err
		}
		c, err := text.Infer(set, kind)
		if err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		// SD 2 reads the last layer but one, so that diffusers leaves the last one out, and the projection with it.
		if w.kind == weights.SD2 { // as diffusers has it: without what is not used
			if c.Projection = 0; !c.LacksLast() {
				c.Layers--
			}
			set = set.Without("text_projection.weight")
		}
		w.text = append(w.text, c)
		w.parts = append(w.parts, part{textFolder + suffix, encoderFile, f, set, c.JSON()})
	}
	w.notes = append(w.notes, fmt.Sprintf("no tensor says what noise it was trained with: %s has the usual, %v",
		scheduler.File, sd.Usual(w.kind).Schedule))
	return nil
}

// openFolder reads a pipeline of diffusers. What no checkpoint can say of it is an error, or a note where a file beside
// the checkpoint can.
func (w *whole) openFolder(ctx context.Context, dir string) error {
	at := filepath.Join(dir, unetFolder)
	networks := model.Networks{Model: model.Disk(dir)}
	vaeAt, err := networks.Find(model.Autoencoder)
	if err != nil {
		return err
	}
	unetFile, err := w.add(ctx, at)
	if err != nil {
		return err
	}
	vaeFile, err := w.add(ctx, vaeAt.Path)
	if err != nil {
		return err
	}
	c, errC := unet.ConfigFS(weights.Disk, filepath.ToSlash(at))
	set, errS := weights.UNet(unetFile)
	vae, errV := weights.Autoencoder(vaeFile)
	if err := errors.Join(errC, errS, errV); err != nil {
		return err
	}
	w.parts = []part{{set: set, file: unetFile}, {set: vae, file: vaeFile}}
	if err := w.openConditions(ctx, dir, c); err != nil {
		return err
	}
	// Readers of a checkpoint infer the networks from their tensors. Where that gives something else than the folder
	// says, it is an error of the autoencoder and of text encoders; the U-Net and the noise can have a file beside the
	// checkpoint, as the notes say.
	if _, told, err := latent.Describe(weights.Disk, filepath.ToSlash(vaeAt.Path), w.kind); err != nil || !told {
		return errors.Join(err, fmt.Errorf("%q: %w: a checkpoint has no place for this autoencoder's config.json, "+
			"which says what no tensor does", vaeAt.Path, weights.ErrMismatch))
	}
	if inferred, err := unet.Infer(set); err != nil || !c.Same(inferred) {
		w.notes = append(w.notes, fmt.Sprintf("no tensor tells all of this U-Net: readers of the checkpoint need %s "+
			"beside it", filepath.Join(at, weights.ConfigFile)))
	}
	noise, err := scheduler.ReadFS(weights.Disk, filepath.ToSlash(at))
	if err == nil && noise != nil && *noise != sd.Usual(w.kind) {
		w.notes = append(w.notes, fmt.Sprintf("no tensor tells the noise and the steps, %v, which are not the usual: "+
			"readers of the checkpoint need %s beside it", noise.Schedule,
			filepath.Join(dir, "scheduler", scheduler.File)))
	}
	return err
}

// openConditions reads what tells the denoiser what to draw.
func (w *whole) openConditions(ctx context.Context, dir string, u unet.Config) error {
	table := filepath.Join(dir, sd.ClassFolder)
	if isFolder(table) {
		w.kind = weights.ClassLDM
		f, err := w.add(ctx, table)
		if err != nil {
			return err
		}
		set, err := weights.ClassTable(f)
		w.parts = append(w.parts, part{set: set, file: f})
		return err
	}
	// Only SDXL's U-Net is told sizes and a pooled text beside the context; SD 2 shows in the text encoder below.
	if w.kind = weights.SD1; u.AddedLen() > 0 {
		w.kind = weights.SDXL
	}
	for i, suffix := range suffixes(w.kind) {
		at := filepath.Join(dir, textFolder+suffix)
		f, err := w.add(ctx, at)
		if err != nil {
			return err
		}
		c, err := text.ConfigFS(weights.Disk, filepath.ToSlash(at))
		if err != nil {
			return err
		}
		set, kind, err := weights.TextEncoder(f, false)
		if err != nil {
			return err
		}
		if c == nil {
			return fmt.Errorf("%q: %w: it has no %s", at, weights.ErrMismatch, weights.ConfigFile)
		}
		// the second encoder of SDXL is OpenCLIP's too
		if i == 0 && w.kind == weights.SD1 && c.IsOpenCLIP() {
			w.kind = weights.SD2
		}
		kind.Checkpoint, kind.OpenCLIP = true, isOpenCLIP(w.kind, i)
		if inferred, err := text.Infer(set, kind); err != nil || !c.Same(inferred) {
			return errors.Join(err, fmt.Errorf("%q: %w: a checkpoint has no place for this text encoder's "+
				"config.json, which says what no tensor does", at, weights.ErrMismatch))
		}
		if err := usualTokenizer(filepath.Join(dir, tokenFolder+suffix), padding(w.kind, i)); err != nil {
			return err
		}
		w.text, w.parts = append(w.text, *c), append(w.parts, part{set: set, file: f})
	}
	return nil
}

// usualTokenizer checks that a tokenizer is the one that all readers of a checkpoint bring along.
func usualTokenizer(at, pad string) error {
	own, errO := text.OpenTokenizer(weights.Disk, filepath.ToSlash(at))
	usual, errU := text.BuiltIn(pad)
	if err := errors.Join(errO, errU); err != nil {
		return err
	}
	if !own.Like(usual) {
		return fmt.Errorf("%q: %w: a checkpoint has no tokenizer, and this one is not CLIP's, padded with %q", at,
			weights.ErrMismatch, pad)
	}
	return nil
}
