package weights

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// diffusionModel comes before the denoiser's names in the checkpoint of a whole latent diffusion model.
const diffusionModel = "model.diffusion_model."

// Names of the U-Net of the first programs of latent diffusion (CompVis, Stability), and diffusers' for the same. They
// count the blocks of all levels in one list, and what a block consists of in another:
//
//	time_embed.0.  2.                    time_embedding.linear_1.  linear_2.
//	label_emb.0.0.  0.2.                 add_embedding.linear_1.  linear_2.              SDXL
//	input_blocks.0.0.                    conv_in.
//	input_blocks.I.0.  I.1.              down_blocks.L.resnets.J.  attentions.J.
//	input_blocks.I.0.op.                 down_blocks.L.downsamplers.0.conv.              the last of a level
//	middle_block.0.  1.  2.              mid_block.resnets.0.  attentions.0.  resnets.1.
//	output_blocks.I.0.  I.1.             up_blocks.L.resnets.J.  attentions.J.
//	output_blocks.I.1.conv.  I.2.conv.   up_blocks.L.upsamplers.0.conv.                  in the last block of a level
//	out.0.  2.                           conv_norm_out.  conv_out.
//
//	in_layers.0.  2.  emb_layers.1.      norm1.  conv1.  time_emb_proj.                  in a resnet
//	out_layers.0.  3.  skip_connection.  norm2.  conv2.  conv_shortcut.
//
// Names within attentions are the same in both.
var unetRules = rules(
	[2]string{`^time_embed\.0\.`, "time_embedding.linear_1."},
	[2]string{`^time_embed\.2\.`, "time_embedding.linear_2."},
	[2]string{`^label_emb\.0\.0\.`, "add_embedding.linear_1."},
	[2]string{`^label_emb\.0\.2\.`, "add_embedding.linear_2."},
	[2]string{`^input_blocks\.0\.0\.`, "conv_in."},
	[2]string{`^middle_block\.0\.`, "mid_block.resnets.0."},
	[2]string{`^middle_block\.1\.`, "mid_block.attentions.0."},
	[2]string{`^middle_block\.2\.`, "mid_block.resnets.1."},
	[2]string{`^out\.0\.`, "conv_norm_out."},
	[2]string{`^out\.2\.`, "conv_out."},
)

var resnetRules = rules(
	[2]string{`\.in_layers\.0\.`, ".norm1."},
	[2]string{`\.in_layers\.2\.`, ".conv1."},
	[2]string{`\.emb_layers\.1\.`, ".time_emb_proj."},
	[2]string{`\.out_layers\.0\.`, ".norm2."},
	[2]string{`\.out_layers\.3\.`, ".conv2."},
	[2]string{`\.skip_connection\.`, ".conv_shortcut."},
)

var (
	ioBlock = regexp.MustCompile(`^(input|output)_blocks\.(\d+)\.(\d+)\.(op\.|conv\.)?`)
	unetEnd = regexp.MustCompile(`^(?:input_blocks\.(\d+)\.0\.op|output_blocks\.(\d+)\.[12]\.conv)\.`)
)

// UNet returns the tensors of a U-Net under the names of diffusers' UNet2DConditionModel: from a file of diffusers', or
// from the checkpoint of a whole latent diffusion model, or of its denoiser alone, under the names of the first
// programs. Of running averages in such a checkpoint none counts, as in diffusers.
func UNet(f *File) (*Set, error) {
	items := f.items()
	prefix := ""
	if slices.ContainsFunc(items, func(i item) bool { return strings.HasPrefix(i.name, diffusionModel) }) {
		prefix = diffusionModel
	}
	var own []item
	averaged := 0
	for _, i := range items {
		name, ok := strings.CutPrefix(i.name, prefix)
		switch {
		case ok && (prefix != "" || !strings.HasPrefix(name, averages)):
			own = append(own, item{name, i.tensor})
		case strings.HasPrefix(i.name, averages):
			averaged++
		}
	}
	if averaged > 0 {
		f.note(fmt.Sprintf("the %d running averages whose names begin with %q are left out", averaged, averages))
	}
	if !slices.ContainsFunc(own, func(i item) bool { return strings.HasPrefix(i.name, "input_blocks.0.0.") }) {
		if prefix == "" {
			own = f.unprefixed(own)
		}
		return f.renamed(own, func(name string) string { return name })
	}
	return f.renamed(own, unetNames(own))
}

// unetNames returns the function from the first programs' names to diffusers'. The items tell where levels end.
func unetNames(items []item) func(name string) string {
	ends := map[string][]int{} // of input: where a downsampling is; of output: the blocks with an upsampling
	for _, i := range items {
		m := unetEnd.FindStringSubmatch(i.name)
		if m == nil || !strings.HasSuffix(i.name, ".weight") {
			continue
		}
		if n, err := strconv.Atoi(m[1]); err == nil {
			ends["input"] = append(ends["input"], n)
		}
		if n, err := strconv.Atoi(m[2]); err == nil {
			ends["output"] = append(ends["output"], n+1) // the next level begins there
		}
	}
	for _, list := range ends {
		slices.Sort(list)
	}
	plain, inBlock := first(unetRules), first(resnetRules)
	return func(name string) string {
		m := ioBlock.FindStringSubmatch(name)
		if m == nil || strings.HasPrefix(name, "input_blocks.0.") {
			return inBlock(plain(name))
		}
		at, err := strconv.Atoi(m[2])
		if err != nil {
			return name
		}
		return inBlock(unetBlock(m[1], m[3], m[4], ends[m[1]], at) + name[len(m[0]):])
	}
}

// unetBlock is diffusers' name of the part of a block, input or output, the at-th of all.
func unetBlock(side, part, op string, ends []int, at int) string {
	level, begin := 0, 0 // of the level's blocks
	if side == "input" {
		begin = 1
	}
	for _, end := range ends {
		switch {
		case side == "input" && at > end:
			level, begin = level+1, end+1
		case side == "output" && at >= end:
			level, begin = level+1, end
		}
	}
	blocks := map[string]string{"input": "down_blocks", "output": "up_blocks"}[side]
	switch {
	case op == "op.":
		return fmt.Sprintf("%s.%d.downsamplers.0.conv.", blocks, level)
	case op == "conv.":
		return fmt.Sprintf("%s.%d.upsamplers.0.conv.", blocks, level)
	case part == "0":
		return fmt.Sprintf("%s.%d.resnets.%d.", blocks, level, at-begin)
	}
	return fmt.Sprintf("%s.%d.attentions.%d.", blocks, level, at-begin)
}

// Checkpoint says what the checkpoint of a whole latent diffusion model is, by the names of its tensors.
type Checkpoint string

const (
	NoCheckpoint Checkpoint = "" // it is not of a whole model
	SD1          Checkpoint = "Stable Diffusion 1"
	SD2          Checkpoint = "Stable Diffusion 2"
	SDXL         Checkpoint = "SDXL"
	ClassLDM     Checkpoint = "a class-conditional latent diffusion model"
)

// signs are beginnings of names, and of which checkpoint they are.
var signs = []struct {
	begin string
	kind  Checkpoint
}{
	{"conditioner.embedders.1.model.", SDXL},
	{"cond_stage_model.model.", SD2},
	{"cond_stage_model.transformer.", SD1},
	{"cond_stage_model.embedding.", ClassLDM},
}

// CheckpointOf returns what the file is the checkpoint of. One of a whole model that is none of them is an
// [ErrMismatch].
func CheckpointOf(f *File) (Checkpoint, error) {
	whole := false
	var others []string
	found := map[Checkpoint]bool{}
	for _, i := range f.unwrapped() {
		if strings.HasPrefix(i.name, diffusionModel) {
			whole = true
			continue
		}
		for _, sign := range signs {
			found[sign.kind] = found[sign.kind] || strings.HasPrefix(i.name, sign.begin)
		}
		if part, _, _ := strings.Cut(i.name, "."); part != "first_stage_model" && !slices.Contains(others, part) {
			others = append(others, part)
		}
	}
	if !whole {
		return NoCheckpoint, nil
	}
	for _, sign := range signs {
		if found[sign.kind] {
			return sign.kind, nil
		}
	}
	beside := "nothing else"
	if len(others) > 0 {
		beside = some(others)
	}
	return NoCheckpoint, fmt.Errorf("%s: %w: it has a denoiser under %q, want a text encoder or a table of classes "+
		"beside it, but there is %s", f.path, ErrMismatch, diffusionModel, beside)
}

// classTable is the name of the table of a class-conditional model, which has the part before it in a checkpoint.
const (
	classTable = "embedding.weight"
	classStage = "cond_stage_model."
)

// ClassTable returns the table of a class-conditional model, "embedding.weight" [classes + 1, D], the last row of it
// for no class: from the checkpoint of a whole model, or from a file of its own.
func ClassTable(f *File) (*Set, error) {
	s := &Set{f.path, map[string][]Tensor{}}
	for _, i := range f.unwrapped() {
		if strings.TrimPrefix(i.name, classStage) == classTable {
			s.parts[classTable] = []Tensor{i.tensor}
		}
	}
	shape, ok := s.Shape(classTable)
	switch {
	case !ok:
		return nil, fmt.Errorf("%s: %w: tensor %q is missing", f.path, ErrMismatch, classStage+classTable)
	case len(shape) != 2 || shape[0] < 2:
		return nil, fmt.Errorf("%s: %w: tensor %q has shape %v, want [classes + 1, width]", f.path, ErrMismatch,
			s.parts[classTable][0].Name, shape)
	}
	return s, nil
}

// ClassRows returns the rows of the table that [ClassTable] returns, the number of classes, and the width of a row.
func (s *Set) ClassRows() (rows []float32, classes, width int, err error) {
	shape, _ := s.Shape(classTable)
	rows, err = s.Float32s(classTable)
	return rows, shape[0] - 1, shape[1], err
}
