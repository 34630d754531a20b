// Package convert writes weights as safetensors: from any format that package weights reads, under other names, in half
// precision, and in shards.
//
//	Names        tensors                                 config.json
//	(none)       as they are                             that of the input, if there is one
//	dit          the DiT programs' own                   of this module's dit.Config
//	diffusers    diffusers' DiTTransformer2DModel        of that class
//	autoencoder  diffusers' AutoencoderKL                that of the input, if there is one
//	unet         diffusers' UNet2DConditionModel         of that class
//	checkpoint   the first programs', of a whole model   (one file, of a pipeline's folder)
//	pipeline     diffusers' folders of a whole model     one for each network
//
// Nothing in the input is executed, and no more than a few megabytes are in memory at a time.
package convert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/weights"
)

// Names says what the tensors of the output are called.
type Names string

const (
	AsTheyAre   Names = ""
	DiT         Names = "dit"         // by the DiT programs
	Diffusers   Names = "diffusers"   // a DiT, by diffusers
	Autoencoder Names = "autoencoder" // by diffusers, as AutoencoderKL
	UNet        Names = "unet"        // by diffusers, as UNet2DConditionModel
	Checkpoint  Names = "checkpoint"  // of a whole latent diffusion model, by the first programs: one file
	Pipeline    Names = "pipeline"    // of a whole one by diffusers: a folder
)

// ErrOutput marks errors of the output: it is the input, has other files in it, is in use, or cannot be written. All
// other errors are of the input.
var ErrOutput = errors.New("the output cannot be written")

// outputError is an error of the output, with its own text.
type outputError struct{ error }

func (e outputError) Unwrap() error { return e.error }

func (e outputError) Is(target error) bool { return target == ErrOutput }

// Options say what is converted to what.
type Options struct {
	In       string        // a file, an index of shards, or a folder with one of these; see weights.Open
	Out      string        // a file if its name ends with .safetensors, else a folder, which gets a config.json too
	Names    Names         // zero leaves them
	DType    weights.DType // "F16" or "BF16" rounds floats to it; zero leaves them
	MaxShard int64         // files of at most so many bytes, with an index beside them; 0 writes one file
}

// Check refuses names that are none.
func (o Options) Check() error {
	switch {
	case !slices.Contains([]Names{AsTheyAre, DiT, Autoencoder, Diffusers, UNet, Checkpoint, Pipeline}, o.Names):
		return fmt.Errorf("--to is %q, want dit, autoencoder, diffusers, unet, checkpoint or pipeline",
			string(o.Names))
	case o.Names == Checkpoint && !o.isFile():
		return fmt.Errorf("--to checkpoint writes one file: the output is %q, want a name with .safetensors", o.Out)
	case o.Names == Checkpoint && o.MaxShard > 0:
		return errors.New("--to checkpoint writes one file: --shard does not go together with it")
	case o.Names == Pipeline && o.isFile():
		return fmt.Errorf("--to pipeline writes a folder: the output is %q, a file's name", o.Out)
	}
	return nil
}

// Result says what was written.
type Result struct {
	Out     string   `json:"out"`
	Files   []string `json:"files"` // names of those with weights, in the folder
	Read    int      `json:"tensors_read"`
	Tensors int      `json:"tensors"`
	Numbers int64    `json:"parameters"`
	Bytes   int64    `json:"bytes"`
	Notes   []string `json:"-"` // what was made of an input that holds more than a network
}

// Write converts. Each file appears when it is complete. The result has its notes with an error too.
func Write(ctx context.Context, o Options) (r Result, err error) {
	r.Out = o.Out
	if err := o.Check(); err != nil {
		return r, err
	}
	if o.Names == Checkpoint || o.Names == Pipeline {
		return o.writeWhole(ctx)
	}
	// Names and shapes are checked before the output is locked; numbers are read when they are written.
	file, err := weights.Open(o.In)
	if err != nil {
		return r, err
	}
	defer file.Close()
	// against damage: sums of the whole input where it came with some, before it is copied into files that look sound
	if err := file.CheckRecord(ctx); err != nil {
		return r, err
	}
	set, err := o.renamed(file)
	if err != nil {
		return r, err
	}
	r.Read, r.Notes = len(file.Names()), file.Notes()
	others := map[string][]byte{} // files beside the weights
	if !o.isFile() {
		if err := o.config(others); err != nil {
			return r, err
		}
	}
	c := weights.Conversion{Name: o.name(others[weights.ConfigFile]), DType: o.DType, MaxShard: o.MaxShard,
		Metadata: file.Metadata()}
	shards, index, err := c.Shards(set)
	if err != nil {
		return r, err
	}
	if index != nil {
		// more than one shard: names of tensors and the shard that each is in
		others[c.IndexName()] = index
	}
	unlock, err := o.lock()
	if err != nil {
		return r, outputError{err}
	}
	defer unlock()
	if err := o.checkOut(file.Paths(), shards, others); err != nil {
		return r, outputError{err}
	}
	err = o.write(ctx, &r, shards, others)
	return r, err
}

// name is what the files of weights are called beside the config.json, without the ending; "" is the usual. Networks of
// diffusers, whose config.json names their class, are looked for under their own.
func (o Options) name(config []byte) string {
	var of struct {
		Class string `json:"_class_name"`
	}
	_ = json.Unmarshal(config, &of) // one that is damaged names none
	switch {
	case o.isFile():
		return strings.TrimSuffix(filepath.Base(o.Out), ".safetensors")
	case o.Names == Diffusers || o.Names == Autoencoder || o.Names == UNet || o.Names == AsTheyAre && of.Class != "":
		return networkFile
	}
	return ""
}

// isFile reports whether Out is one file, or the first of shards.
func (o Options) isFile() bool { return filepath.Ext(o.Out) == ".safetensors" }

// dir is the folder that is written to.
func (o Options) dir() string {
	if o.isFile() {
		return filepath.Dir(o.Out)
	}
	return o.Out
}

// lock takes the output: of a folder within it, as of all that is written to in its place.
func (o Options) lock() (unlock func(), err error) {
	if o.isFile() {
		return atomicfile.Lock(o.Out)
	}
	return stage.Lock(o.Out, stage.Whole)
}

// write writes the shards, and then the other files.
func (o Options) write(ctx context.Context, r *Result, shards []weights.Shard, others map[string][]byte) error {
	for _, s := range shards {
		err := atomicfile.Write(filepath.Join(o.dir(), s.Name), func(w io.Writer) error { return s.Write(ctx, w) })
		// Numbers that half precision has not are a fault of the input, though they show only while the output is
		// written.
		if errors.Is(err, weights.ErrRange) {
			return err
		}
		if err != nil {
			return outputError{err}
		}
		n, numbers, bytes := s.Size()
		r.Files = append(r.Files, s.Name)
		r.Tensors, r.Numbers, r.Bytes = r.Tensors+n, r.Numbers+numbers, r.Bytes+bytes
	}
	for _, name := range slices.Sorted(maps.Keys(others)) {
		// after the shards: whoever finds the index finds what it names
		if err := atomicfile.WriteBytes(filepath.Join(o.dir(), name), others[name]); err != nil {
			return outputError{err}
		}
	}
	return nil
}

// checkOut refuses an output folder with other files in it, weights that would be read in place of these perhaps, and
// an output that is one of the input's files.
func (o Options) checkOut(in []string, shards []weights.Shard, others map[string][]byte) error {
	// Files of our own names may be there, from a try before this one.
	ours := slices.Collect(maps.Keys(others))
	for _, s := range shards {
		ours = append(ours, s.Name)
	}
	for _, name := range ours {
		for _, path := range in {
			if sameFile(filepath.Join(o.dir(), name), path) {
				return fmt.Errorf("%s is the input, want another output", path)
			}
		}
	}
	if o.isFile() {
		// NAME.safetensors is written as NAME-00001-of-….safetensors; readers prefer the one without a number
		if _, err := os.Stat(o.Out); err == nil && len(shards) > 1 {
			return fmt.Errorf("%s is there already, and would be read in place of the shards beside it", o.Out)
		}
		return nil
	}
	entries, err := os.ReadDir(o.Out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if name := entry.Name(); !slices.Contains(ours, name) && !strings.HasPrefix(name, ".") {
			return fmt.Errorf("%s has %s in it, want a new folder", o.Out, name)
		}
	}
	return err
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func sameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}
