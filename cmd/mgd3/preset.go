package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"mgd3/distill"
	"mgd3/dit"
)

func (o *options) presetFlag() {
	o.flags.StringVar(&o.preset, "preset", "", "published settings by `NAME`; \"mgd3 presets\" lists them; a flag given beside it counts")
}

// presetValue is the value of a flag in a preset.
type presetValue struct {
	flag, value string
	rule        bool   // another --rule has its own
	from        string // where the published value is from
}

// presetValues are the flags that settings are made of, with their values.
func presetValues(s distill.Settings) []presetValue {
	e, m, d := s.Encode, s.Modes, s.Sample
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	return []presetValue{
		{"size", strconv.Itoa(e.Size), false, "the model's"},
		{"crop", e.Crop, false, "released programs: the crop of ADM and DiT"},
		{"flip", strconv.FormatBool(e.Flip), false, "released programs: by chance, before encoding; not in the paper"},
		{"ignore-exif", strconv.FormatBool(e.IgnoreEXIF), false, "released programs"},
		{"posterior-sample", strconv.FormatBool(e.FromSample), false, "released programs: the mean × 0.18215"},
		{"encode-seed", strconv.FormatUint(e.Seed, 10), false, "released programs: their seed also seeds the flips"},
		{"cluster", string(m.Method), false, "section 4.1 and Table 7; one k-means++ start"},
		{"nearest", strconv.FormatBool(m.Nearest), false, "Table 7"},
		{"pool", strconv.Itoa(m.Pool), false, "released programs"},
		{"modes-seed", strconv.FormatUint(m.Seed, 10), false, "released programs: whatever --seed is"},
		{"short-class", string(m.Short), false, "released programs"},
		{"rule", string(d.Rule), false, "Figure 3 and the released programs; Algorithm 1"},
		{"steps", d.Respacing, true, "released programs"},
		{"lambda", number(d.Lambda), true, "appendix F; released programs"},
		{"stop", strconv.Itoa(d.Stop), true, "section 5, appendix A; the program's own default is 0"},
		{"cfg", number(d.CFG), true, "released programs"},
		{"cfg-channels", strconv.Itoa(d.CFGChannels), true, "DiT's program, of 4"},
		{"eta", number(d.Eta), true, "Algorithm 1"},
		{"clip", strconv.FormatBool(d.Clip), true, "released programs"},
	}
}

// applyPreset gives the flags that were not given the values of the preset, as their defaults. The size is left to the model, and what
// belongs to a rule or a number of steps to another one that was given.
func (o *options) applyPreset() error {
	if o.preset == "" {
		return nil
	}
	p, err := distill.FindPreset(o.preset)
	if err != nil {
		return fail(exitUsage, `"mgd3 presets" lists them`, err)
	}
	otherRule := o.flags.Changed("rule") && o.rule != string(p.Settings.Sample.Rule)
	for _, v := range presetValues(p.Settings) {
		f := o.flags.Lookup(v.flag)
		if f == nil || v.flag == "size" || v.rule && otherRule || v.flag == "stop" && o.flags.Changed("steps") {
			continue
		}
		f.DefValue = v.value
		if f.Changed {
			continue
		}
		if err := f.Value.Set(v.value); err != nil {
			return fmt.Errorf("preset %s: --%s: %w", p.Name, v.flag, err)
		}
	}
	flip, given := o.flags.Lookup("flip"), o.flags.Changed("encode-seed")
	o.seedEncodes = p.SeedEncodes && !given && (flip == nil || o.settings.Encode.Flip || o.settings.Encode.FromSample)
	return nil
}

// departures says which flags of the command are resolved to other values than the preset's.
func (o *options) departures(s distill.Settings) string {
	p, err := distill.FindPreset(o.preset)
	if err != nil {
		return ""
	}
	is := presetValues(s)
	var list []string
	for i, was := range presetValues(p.Settings) {
		if was.flag == "encode-seed" && o.seedEncodes {
			continue
		}
		if o.flags.Lookup(was.flag) != nil && is[i].value != was.value {
			list = append(list, fmt.Sprintf("--%s %s (%s)", was.flag, is[i].value, was.value))
		}
	}
	if len(list) == 0 {
		return p.Name
	}
	return p.Name + ", but " + strings.Join(list, ", ")
}

// presetWarnings tells of networks that the preset is not for.
func (r *openRun) presetWarnings(o *options) (list []string) {
	p, err := distill.FindPreset(o.preset)
	if err != nil {
		return nil
	}
	if r.Denoiser != nil {
		want, err := dit.Named(p.Denoiser, p.Settings.Encode.Size)
		have := r.Denoiser.Config
		have.Classes, have.MLPRatio = want.Classes, want.MLPRatio
		if err == nil && have != want {
			return []string{fmt.Sprintf("preset %s is for %s at %d pixels; this denoiser has %d blocks of width %d, patches of %d and latents of %d × %d",
				p.Name, p.Denoiser, p.Settings.Encode.Size, have.Depth, have.Hidden, have.Patch, have.InputSize, have.InputSize)}
		}
	}
	if o.model == "" || o.vae != "" {
		return nil
	}
	model := modelFolder(o.model)
	if _, err := fs.Stat(model.fsys, path.Join(model.path, "model_index.json")); err == nil {
		list = append(list, fmt.Sprintf("preset %s is for the autoencoder %s, which --vae can name; that of a DiT pipeline is sd-vae-ft-ema as a rule", p.Name, p.Autoencoder))
	}
	return list
}

func (e *env) presetsCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "presets",
		Short: "List the published settings that --preset knows, with the source of each value",
		Example: `  mgd3 presets
  mgd3 distill --preset mgd3 --data imagenet --split train --classes nette --model dit-xl-2-256 --vae sd-vae-ft-mse --ipc 10 --out nette-10
  mgd3 distill --preset mgd3 --lambda 0.05 …    # a flag given beside it counts`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return e.presets(distill.Presets()) },
	}
}

// accuracy is what a preset reaches by the paper.
type accuracy struct {
	Set      string  `json:"set"`
	IPC      int     `json:"ipc"`
	Net      string  `json:"net"`
	Protocol string  `json:"protocol"`
	Mean     float64 `json:"mean"`
	Spread   float64 `json:"spread"`
	Table    string  `json:"table"`
}

func (e *env) presets(presets []distill.Preset) error {
	if e.json {
		for _, p := range presets {
			flags := map[string]string{}
			for _, v := range presetValues(p.Settings) {
				flags[v.flag] = v.value
			}
			if p.SeedEncodes {
				delete(flags, "encode-seed")
			}
			err := json.NewEncoder(e.stdout).Encode(struct {
				distill.Preset
				Flags    map[string]string `json:"flags"`
				Accuracy accuracy          `json:"accuracy"`
			}{p, flags, accuracy{"nette", 10, "resnetap10", "hard", p.Accuracy, p.Spread, p.Table}})
			if err != nil {
				return err
			}
		}
		return nil
	}
	for _, p := range presets {
		fmt.Fprintf(e.stdout, "%-9s %s\n          %s\n", p.Name, p.About, p.Source)
	}
	fmt.Fprintln(e.stdout)
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	row := func(name, from string, value func(distill.Preset) string) {
		fmt.Fprint(w, name)
		for _, p := range presets {
			fmt.Fprint(w, "\t", value(p))
		}
		fmt.Fprintf(w, "\t%s\n", from)
	}
	row("", "", func(p distill.Preset) string { return p.Name })
	row("denoiser", "the paper and the released programs", func(p distill.Preset) string { return p.Denoiser })
	row("autoencoder", "released programs", func(p distill.Preset) string { return p.Autoencoder })
	for i, v := range presetValues(presets[0].Settings) {
		row("--"+v.flag, v.from, func(p distill.Preset) string {
			if v.flag == "encode-seed" && p.SeedEncodes {
				return "--seed"
			}
			return presetValues(p.Settings)[i].value
		})
	}
	row("accuracy, %", "ImageNette, 10 images per class, ResNetAP-10, hard labels", func(p distill.Preset) string {
		return fmt.Sprintf("%.1f ± %.1f", p.Accuracy, p.Spread)
	})
	row("", "of the paper", func(p distill.Preset) string { return p.Table })
	return w.Flush()
}
