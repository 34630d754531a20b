package weights

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Names of the first programs of latent diffusion (CompVis), and diffusers' for the same:
//
//	encoder.down.L.block.J.            encoder.down_blocks.L.resnets.J.
//	encoder.down.L.downsample.         encoder.down_blocks.L.downsamplers.0.
//	decoder.up.L.block.J.              decoder.up_blocks.(levels−1−L).resnets.J.     they count from full resolution
//	decoder.up.L.upsample.             decoder.up_blocks.(levels−1−L).upsamplers.0.
//	….nin_shortcut.                    ….conv_shortcut.
//	….mid.block_1.  block_2.           ….mid_block.resnets.0.  1.
//	….mid.attn_1.norm.                 ….mid_block.attentions.0.group_norm.
//	….mid.attn_1.q.  k.  v.  proj_out. ….mid_block.attentions.0.to_q.  to_k.  to_v.  to_out.0.
//	….norm_out.                        ….conv_norm_out.
//
// conv_in, conv_out, quant_conv, post_quant_conv, norm1, conv1, norm2 and conv2 have the same names in both.
var compVisRules = rules(
	[2]string{`^((?:en|de)coder)\.(down|up)\.(\d+)\.block\.`, "$1.${2}_blocks.$3.resnets."},
	[2]string{`^((?:en|de)coder)\.(down|up)\.(\d+)\.(down|up)sample\.`, "$1.${2}_blocks.$3.${4}samplers.0."},
	[2]string{`^((?:en|de)coder)\.mid\.block_1\.`, "$1.mid_block.resnets.0."},
	[2]string{`^((?:en|de)coder)\.mid\.block_2\.`, "$1.mid_block.resnets.1."},
	[2]string{`^((?:en|de)coder)\.mid\.attn_1\.norm\.`, "$1.mid_block.attentions.0.group_norm."},
	[2]string{`^((?:en|de)coder)\.mid\.attn_1\.([qkv])\.`, "$1.mid_block.attentions.0.to_$2."},
	[2]string{`^((?:en|de)coder)\.mid\.attn_1\.proj_out\.`, "$1.mid_block.attentions.0.to_out.0."},
	[2]string{`^((?:en|de)coder)\.norm_out\.`, "$1.conv_norm_out."},
	[2]string{`\.nin_shortcut\.`, ".conv_shortcut."},
)

// firstStage comes before the autoencoder's names in the checkpoint of a whole latent diffusion model.
const firstStage = "first_stage_model."

// apart is what lies beside an autoencoder in the checkpoints of its training: the networks of its loss, and
// running averages.
var apart = regexp.MustCompile(`^(loss|model_ema)\.`)

// averages comes before the names of running averages in checkpoints of CompVis' programs, which take the dots out
// of what follows.
const averages = "model_ema."

// rawPart names the section of the tensors that the averages are of; [File.Sections] has both.
const rawPart = "raw"

// averaged puts the running averages of CompVis' programs in the place of the tensors they are of, see compVisParts.
func (f *File) averaged(items []item) []item {
	mean, _, replaced := compVisParts(items)
	if replaced == 0 {
		return items
	}
	f.taken = strings.TrimSuffix(averages, ".")
	f.note(fmt.Sprintf("the running averages whose names begin with %q are taken in the place of %d of its %d other "+
		"tensors, which FILE#%s would take",
		averages, replaced, len(mean), rawPart))
	return mean
}

// compVisParts returns the tensors with running averages in the place of those they are of, the tensors without
// averages, and how many averages there are. An average has the name of its tensor but for the dots, and perhaps for
// the first part. In the checkpoint of a whole model they are the denoiser's, and none counts.
func compVisParts(items []item) (mean, raw []item, replaced int) {
	ema := map[string]Tensor{}
	for _, i := range items {
		if name, ok := strings.CutPrefix(i.name, averages); ok && !strings.Contains(name, ".") {
			ema[name] = i.tensor
		}
		if strings.HasPrefix(i.name, firstStage) {
			return nil, nil, 0
		}
	}
	for _, i := range items {
		if strings.HasPrefix(i.name, averages) {
			continue
		}
		raw = append(raw, i)
		for _, name := range endings(i.name)[:min(2, len(endings(i.name)))] {
			t, ok := ema[strings.ReplaceAll(name, ".", "")]
			if ok && slices.Equal(t.Shape, i.tensor.Shape) {
				i.tensor = t
				replaced++
				break
			}
		}
		mean = append(mean, i)
	}
	return mean, raw, replaced
}

// compVisSections puts the average and the raw tensors of CompVis' programs, if the file has both, in the place of
// the section that is taken, and leaves the one of them that is wanted. It reports whether one is. whole says that
// all of the file's tensors are.
func (f *File) compVisSections(want string, whole bool) (found bool) {
	mean, raw, replaced := compVisParts(f.unwrapped())
	if replaced == 0 {
		return false
	}
	average := strings.TrimSuffix(averages, ".")
	f.sections = append([]Section{
		{Name: average, Tensors: replaced, Average: true, Taken: whole || want == average},
		{Name: rawPart, Tensors: len(raw), Taken: want == rawPart},
	}, slices.DeleteFunc(f.sections, func(s Section) bool { return s.Taken })...)
	switch want {
	case average:
		f.taken = average
		f.keep(mean)
	case rawPart: // which version 0.1 took
		f.keep(raw)
	default:
		return false
	}
	return true
}

// keep makes the items the file's only tensors.
func (f *File) keep(items []item) {
	f.tensors = map[string]Tensor{}
	for _, i := range items {
		f.tensors[i.name] = i.tensor
	}
}

// upBlock matches a level of CompVis' decoder.
var upBlock = regexp.MustCompile(`^decoder\.up\.(\d+)\.`)

// compVis returns the function from CompVis' names to diffusers', "" for those that are not the autoencoder's; nil if
// the items have other names.
func compVis(items []item) func(name string) string {
	prefix, levels := "", 0
	for _, i := range items {
		name := i.name
		if strings.HasPrefix(name, firstStage) {
			prefix = firstStage
		}
		if m := upBlock.FindStringSubmatch(strings.TrimPrefix(name, firstStage)); m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil {
				levels = max(levels, n+1)
			}
		}
	}
	if levels == 0 {
		return nil
	}
	return func(name string) string {
		name, ok := strings.CutPrefix(name, prefix)
		if !ok || apart.MatchString(name) {
			return ""
		}
		if m := upBlock.FindStringSubmatch(name); m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil {
				name = "decoder.up." + strconv.Itoa(levels-1-n) + "." + name[len(m[0]):]
			}
		}
		for _, r := range compVisRules {
			name = r.pattern.ReplaceAllString(name, r.replacement)
		}
		return name
	}
}
