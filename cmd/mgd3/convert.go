package main

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

	"github.com/spf13/cobra"

	"mgd3/dit"
	"mgd3/internal/cli"
	"mgd3/internal/terminal"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/weights"
)

const configFile = "config.json"

// convertOptions are the flags of convert.
type convertOptions struct {
	in, out    string
	to, shard  string
	half, bf16 bool
}

func (e *env) convertCmd() *cobra.Command {
	var o convertOptions
	cmd := &cobra.Command{
		Use:   "convert IN OUT",
		Short: "Write weights as safetensors: from PyTorch's files, in half precision, in shards, under other names",
		Long: `convert reads weights and writes them as safetensors. IN is a file, known by its content (safetensors, or
torch.save's .pt, .pth, .th, .bin, .ckpt), an index of shards, or a folder with one of these. OUT is a file if
its name ends with .safetensors, else a folder, which also gets the config.json. Nothing in IN is executed, and
no more than a few megabytes are in memory at a time.`,
		Example: `  mgd3 convert DiT-XL-2-256x256.pt dit-xl --to dit --half
  mgd3 convert sd-v1-4.ckpt vae --to autoencoder
  mgd3 convert resnet18-f37072fd.pth resnet18.safetensors
  mgd3 convert dit-xl dit-xl-diffusers --to diffusers --shard 2GB`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.in, o.out = args[0], args[1]
			return e.convert(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.to, "to", "", "`NAMES` of the tensors: dit (DiT's own), diffusers (its DiT), autoencoder "+
		"(diffusers' AutoencoderKL); default as they are")
	f.BoolVar(&o.half, "half", false, "round floats to half precision (F16); a number beyond 65504 is an error")
	f.BoolVar(&o.bf16, "bf16", false, "round floats to bfloat16: the range of float32 with 8 bits of precision")
	f.StringVar(&o.shard, "shard", "", "files of at most `SIZE` (2GB, 500MB) with an index beside them")
	return cmd
}

// converted is what convert reports.
type converted struct {
	Out     string   `json:"out"`
	Files   []string `json:"files"`
	Read    int      `json:"tensors_read"`
	Tensors int      `json:"tensors"`
	Numbers int64    `json:"parameters"`
	Bytes   int64    `json:"bytes"`
}

func (e *env) convert(ctx context.Context, o convertOptions) error {
	c, err := o.conversion()
	if err != nil {
		return fail(exitUsage, "", err)
	}
	file, err := weights.Open(o.in)
	if err != nil {
		return fail(exitModel, pipelineHint(o.in), err)
	}
	defer file.Close()
	if err := file.CheckRecord(ctx); err != nil {
		return fail(exitModel, "", err)
	}
	set, err := o.renamed(file)
	if err != nil {
		return fail(exitModel, "", err)
	}
	e.sayAll(file.Notes())
	c.Metadata = file.Metadata()
	shards, index, err := c.Shards(set)
	if err != nil {
		return fail(exitModel, "", err)
	}
	dir := o.out
	others := map[string][]byte{}
	if o.isFile() {
		dir = filepath.Dir(o.out)
	} else if err := o.config(others); err != nil {
		return fail(exitModel, "", err)
	}
	if index != nil {
		others[c.IndexName()] = index
	}
	lock := atomicfile.Lock
	if !o.isFile() { // within the folder, as of all that is written to in its place
		lock = func(dir string) (func(), error) { return stage.Lock(dir, stage.Whole) }
	}
	unlock, err := lock(o.out)
	if err != nil {
		return fail(exitOutput, "", err)
	}
	defer unlock()
	if err := o.checkOut(dir, file.Paths(), shards, others); err != nil {
		return fail(exitOutput, "", err)
	}
	report := converted{Out: o.out, Read: len(file.Names())}
	for _, s := range shards {
		err := atomicfile.Write(filepath.Join(dir, s.Name), func(w io.Writer) error { return s.Write(ctx, w) })
		if errors.Is(err, weights.ErrRange) {
			return fail(exitModel, "", err)
		}
		if err != nil {
			return fail(exitOutput, "", err)
		}
		n, numbers, bytes := s.Size()
		report.Files = append(report.Files, s.Name)
		report.Tensors, report.Numbers, report.Bytes = report.Tensors+n, report.Numbers+numbers, report.Bytes+bytes
	}
	for _, name := range slices.Sorted(maps.Keys(others)) {
		if err := atomicfile.WriteBytes(filepath.Join(dir, name), others[name]); err != nil {
			return fail(exitOutput, "", err)
		}
	}
	return e.reportConverted(o, report)
}

func (e *env) reportConverted(o convertOptions, c converted) error {
	if e.json {
		return json.NewEncoder(e.stdout).Encode(c)
	}
	of := ""
	if c.Read != c.Tensors {
		of = fmt.Sprintf(" (from %d in %s)", c.Read, o.in)
	}
	files := "one file"
	if len(c.Files) > 1 {
		files = fmt.Sprintf("%d files", len(c.Files))
	}
	_, err := fmt.Fprintf(e.stdout, "%s: %d tensors%s, %d parameters, %s in %s\n", c.Out, c.Tensors, of, c.Numbers, terminal.Size(c.Bytes), files)
	return err
}

// isFile reports whether OUT is one file, or the first of shards.
func (o convertOptions) isFile() bool { return filepath.Ext(o.out) == ".safetensors" }

// conversion returns what the flags ask for.
func (o convertOptions) conversion() (weights.Conversion, error) {
	c := weights.Conversion{}
	switch {
	case !slices.Contains([]string{"", "dit", "autoencoder", "diffusers"}, o.to):
		return c, fmt.Errorf("--to is %q, want dit, autoencoder or diffusers", o.to)
	case o.half && o.bf16:
		return c, errors.New("--half and --bf16 are two types, want one")
	case o.half:
		c.DType = "F16"
	case o.bf16:
		c.DType = "BF16"
	}
	switch {
	case o.isFile():
		c.Name = strings.TrimSuffix(filepath.Base(o.out), ".safetensors")
	case o.to == "diffusers" || o.to == "autoencoder":
		c.Name = "diffusion_pytorch_model"
	}
	var err error
	if o.shard != "" {
		c.MaxShard, err = cli.ParseSize("--shard", o.shard)
	}
	return c, err
}

// renamed returns the tensors under the names asked for.
func (o convertOptions) renamed(file *weights.File) (set *weights.Set, err error) {
	sign := "x_embedder.proj.weight" // a tensor that all of the kind have
	switch o.to {
	case "":
		return weights.AsIs(file), nil
	case "autoencoder":
		sign = "decoder.conv_in.weight"
		set, err = weights.Autoencoder(file)
	default:
		set, err = weights.DiT(file)
	}
	if err != nil {
		return nil, err
	}
	if _, ok := set.Shape(sign); !ok {
		return nil, fmt.Errorf("%s: %w: --to %s wants a model with a tensor %q, under its own name or that of "+
			"other programs", o.in, weights.ErrMismatch, o.to, sign)
	}
	if o.to == "diffusers" {
		return weights.ToDiffusers(set)
	}
	return set, nil
}

// config adds the config.json that belongs to the names of the tensors, if it is known.
func (o convertOptions) config(files map[string][]byte) error {
	switch o.to {
	case "dit", "diffusers":
		c, err := dit.ConfigFS(weights.Disk, filepath.ToSlash(o.in))
		if err != nil {
			return err
		}
		if o.to == "diffusers" {
			files[configFile], err = c.DiffusersJSON()
		} else {
			files[configFile], err = json.MarshalIndent(c, "", "  ")
		}
		return err
	}
	dir, _ := weights.SplitSection(weights.Disk, o.in)
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		dir = filepath.Dir(dir)
	}
	text, err := weights.ReadText(weights.Disk, filepath.Join(dir, configFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	files[configFile] = text
	return err
}

// checkOut refuses an output folder with other files in it, weights that would be read in place of these perhaps, and
// an output that is one of the input's files.
func (o convertOptions) checkOut(dir string, in []string, shards []weights.Shard, others map[string][]byte) error {
	ours := slices.Collect(maps.Keys(others))
	for _, s := range shards {
		ours = append(ours, s.Name)
	}
	for _, name := range ours {
		for _, path := range in {
			if sameFile(filepath.Join(dir, name), path) {
				return fmt.Errorf("%s is the input, want another output", path)
			}
		}
	}
	if o.isFile() {
		if _, err := os.Stat(o.out); err == nil && len(shards) > 1 {
			return fmt.Errorf("%s is there already, and would be read in place of the shards beside it", o.out)
		}
		return nil
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if name := entry.Name(); !slices.Contains(ours, name) && !strings.HasPrefix(name, ".") {
			return fmt.Errorf("%s has %s in it, want a new folder", dir, name)
		}
	}
	return err
}

func sameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// pipelineHint says more where IN is a folder of folders.
func pipelineHint(dir string) string {
	if _, err := os.Stat(filepath.Join(dir, "model_index.json")); err == nil {
		return "it is a pipeline of diffusers: convert its parts, transformer and vae"
	}
	return ""
}
