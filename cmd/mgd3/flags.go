package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"mgd3/dataset"
	"mgd3/diffusion"
	"mgd3/distill"
	"mgd3/engine"
	"mgd3/modes"
)

// options are the flags of distill and its stages.
type options struct {
	data, classes       string
	classNames, labels  string
	model, vae, dit     string
	out, latents, shard string
	devices             string
	preset              string // a name, or ""
	seedEncodes         bool   // images are encoded with the seed of the noise, as the preset's program does
	format              string // of the finished set, an export.Format
	batch               int    // distill.Auto is auto
	precision           string
	lowMemory           bool
	dryRun              bool
	short, steps        string
	lambda, stop, cfg   string // as given; "" takes the published
	choose              bool   // the command can choose what is "auto"
	auto                autoFlags
	cluster             string
	rule                string
	settings            distill.Settings
	flags               *pflag.FlagSet
}

const classNamesHelp = "names of the classes by their number, for a set whose labels or folders are numbers: a `LIST` by name or a file with one class a line; default those in the set"

// labelFlags say what the labels of a set mean.
func labelFlags(f *pflag.FlagSet, classNames, labels *string) {
	f.StringVar(classNames, "class-names", "", classNamesHelp)
	f.StringVar(labels, "labels", "", labelsHelp)
}

const labelsHelp = "which `LABELS` to take of a set that has several: fine or coarse of CIFAR-100; letters, balanced, … of EMNIST; variant, family or manufacturer of FGVC-Aircraft"

func (o *options) dataFlags() {
	f, s := o.flags, &o.settings.Encode
	f.StringVar(&o.data, "data", "", "real images: `SET` is a folder, a zip or a tar of SPLIT/CLASS/FILE or CLASS/FILE, class tars, WebDataset, Parquet, CIFAR or MNIST (docs/data.md); glyphs is the set in the program")
	f.StringVar(&s.Split, "split", "", "the `NAME` of the part to take, train say: a sub-folder, or a word in the files' names")
	f.StringVar(&o.classes, "classes", "", "classes to take: a `LIST` by name ("+strings.Join(dataset.ListNames(), ", ")+") or a file with one class a line; default all in byte order")
	labelFlags(f, &o.classNames, &o.labels)
	f.IntVar(&s.Limit, "limit", 0, "take the first `N` images of each class by file name; 0 takes all")
	f.IntVar(&s.Size, "size", 0, "crop to this many `PIXELS`; 0 takes what the denoiser was made for")
	f.StringVar(&s.Crop, "crop", distill.CropADM, "`HOW` to crop: adm as the DiT programs, center as torchvision's Resize and CenterCrop")
	f.BoolVar(&s.Flip, "flip", false, "mirror images by chance before encoding, as the released programs do")
	f.BoolVar(&s.IgnoreEXIF, "ignore-exif", false, "leave photographs turned as they are stored, as the released programs do")
	f.BoolVar(&s.FromSample, "posterior-sample", false, "encode to a sample of the posterior in place of its mean")
	f.Uint64Var(&s.Seed, "encode-seed", 0, "seed of --flip and --posterior-sample; with a preset that flips it is --seed, unless given")
	f.BoolVar(&s.SkipBad, "skip-bad", false, "pass over images that cannot be read, and list them")
}

func (o *options) modeFlags() {
	o.flags.IntVar(&o.settings.Modes.IPC, "ipc", 10, "images per class, and so modes")
	o.clusterFlags()
}

// clusterFlags are those of modeFlags that do not say how many modes there are.
func (o *options) clusterFlags() {
	f, s := o.flags, &o.settings.Modes
	f.StringVar(&o.cluster, "cluster", string(modes.KMeans), "`METHOD` to find modes: "+join(distill.ModeMethods))
	f.BoolVar(&s.Nearest, "nearest", false, "put the nearest real latent in each mode's place")
	f.IntVar(&s.Pool, "pool", 0, "average latents over `P` by P cells before clustering; 0 takes them as they are")
	f.StringVar(&o.short, "short-class", string(modes.ShortError), "what to do with a class of fewer images than --ipc: error, or repeat to fill up with real latents")
	f.Uint64Var(&s.Seed, "modes-seed", 0, "seed of the clustering; the published runs keep it at 0 whatever --seed is")
}

func (o *options) sampleFlags() {
	o.ruleFlags()
	o.flags.Uint64Var(&o.settings.Sample.Seed, "seed", 0, "seed of the noise")
}

// ruleFlags are those of sampleFlags that sets of all seeds share.
func (o *options) ruleFlags() {
	f, s := o.flags, &o.settings.Sample
	f.StringVar(&o.rule, "rule", string(diffusion.DDPM), "`RULE` of a step: "+join(diffusion.Rules()))
	f.StringVar(&o.steps, "steps", "", "steps of the sampler: a number, or a respacing such as ddim50; default as published with the rule")
	f.StringVar(&o.lambda, "lambda", "", "strength `L` of the pull to the mode, per step; 0 is unguided; default as published with the rule (0.1)")
	f.StringVar(&o.stop, "stop", "", "guide while t > `T`, t counting down; default as published with the rule (25 of 50 steps), the same share of other numbers")
	f.StringVar(&o.cfg, "cfg", "", "scale `S` of classifier-free guidance; 1 is without; default as published with the rule (4)")
	f.IntVar(&s.CFGChannels, "cfg-channels", 0, "channels under classifier-free guidance; default as published with the rule (3 of 4)")
	f.Float64Var(&s.Eta, "eta", 0, "noise of the ddim rules, 0 to 1")
	f.BoolVar(&s.Clip, "clip", false, "limit the predicted latent to [-1, 1]")
}

// runFlags are those of commands that need a model.
func (o *options) runFlags() {
	o.modelFlags()
	o.outFlags()
	o.devicesFlag()
}

// modelFlags name the networks.
func (o *options) modelFlags() {
	o.flags.StringVar(&o.model, "model", "", "`PATH` of the networks: a folder with autoencoder or vae, and dit or transformer, in which classes.txt names the classes in label order; or the denoiser's weights, with --vae; glyphs is the model in the program")
	o.flags.StringVar(&o.vae, "vae", "", "`PATH` of the autoencoder, if not below --model: a folder, a weights file, or PREFIX of PREFIX_encoder and PREFIX_decoder; docs/models.md lists what is read")
	o.flags.StringVar(&o.dit, "dit", "", "`PATH` of the denoiser, if not below --model: a folder or a weights file")
	o.flags.BoolVar(&o.lowMemory, "low-memory", false, "keep weights in half precision where their files have them so: half the memory or less, somewhat slower, the same images")
	o.flags.StringVar(&o.precision, "precision", string(engine.Float32), "`TYPE` of the numbers inside networks: "+join(engine.Precisions)+"; results depend on it")
	o.batchFlag()
}

func (o *options) batchFlag() {
	o.flags.Var((*batchValue)(&o.batch), "batch", "`N` images at work at once, or auto: 8, on xla as many as fit; decides speed and memory, and a result on xla only")
}

// batchValue is a number of images, or distill.Auto.
type batchValue int

func (b *batchValue) Type() string { return "N" }

func (b *batchValue) String() string {
	if *b == distill.Auto {
		return "auto"
	}
	return strconv.Itoa(int(*b))
}

func (b *batchValue) Set(s string) error {
	if s == "auto" {
		*b = distill.Auto
		return nil
	}
	n, err := strconv.Atoi(s)
	if err == nil && n < 1 {
		err = fmt.Errorf("batch is %d, want at least 1, or auto", n)
	}
	*b = batchValue(n)
	return err
}

func (o *options) outFlags() {
	o.folderFlags()
	o.flags.StringVar(&o.shard, "shard", "0/1", "do part `I/N` of the work")
}

// folderFlags are those of outFlags without shards.
func (o *options) folderFlags() {
	o.flags.StringVarP(&o.out, "out", "o", "", "output `DIR`")
	o.flags.StringVar(&o.latents, "latents", "", "`DIR` of the latents, to share them among runs; default latents in --out")
	o.shard = distill.Whole.String()
}

func join[S ~string](values []S) string {
	var list []string
	for _, v := range values {
		list = append(list, string(v))
	}
	return strings.Join(list, ", ")
}

// resolve completes the settings from the flags.
func (o *options) resolve() error {
	if err := o.applyPreset(); err != nil {
		return err
	}
	s := &o.settings
	if o.seedEncodes && o.flags.Lookup("data") != nil {
		s.Encode.Seed = s.Sample.Seed
	}
	if o.flags.Lookup("cluster") != nil {
		s.Modes.Method, s.Modes.Short = modes.Method(o.cluster), modes.Short(o.short)
		if err := s.Modes.Check(); err != nil {
			return fail(exitUsage, "", err)
		}
	}
	if o.rule == "" { // not a command that samples
		return nil
	}
	published, err := diffusion.Published(diffusion.Rule(o.rule))
	if err != nil {
		return fail(exitUsage, "", err)
	}
	sample := &s.Sample.Settings
	sample.Rule, sample.Schedule, sample.Respacing = published.Rule, published.Schedule, published.Respacing
	if o.steps != "" {
		sample.Respacing = o.steps
	}
	if sample.CFGChannels == 0 && !o.flags.Changed("cfg-channels") {
		sample.CFGChannels = published.CFGChannels
	}
	if _, err := diffusion.Respace(sample.Respacing, sample.Schedule.Steps); err != nil {
		return fail(exitUsage, "", fmt.Errorf("--steps is %q, want a number from 1 to %d, or a respacing such as ddim50 or leading50", o.steps, sample.Schedule.Steps))
	}
	sample.Lambda, sample.CFG, sample.Stop = published.Lambda, published.CFG, shareOf(published, sample.Respacing)
	if err := o.given(sample); err != nil {
		return fail(exitUsage, "", err)
	}
	if err := sample.Validate(); err != nil {
		return fail(exitUsage, "", err)
	}
	return nil
}

// takeSchedule samples with the noise that the model was trained with, whatever that of the rule's own models was. The stop of the SD rules counts
// in its steps.
func (o *options) takeSchedule(sample *diffusion.Settings, own diffusion.Schedule) error {
	published, err := diffusion.Published(sample.Rule)
	if err != nil {
		return err
	}
	if o.stop == "" && sample.Stop == published.Stop && sample.Rule.CountsTimesteps() {
		sample.Stop = published.Stop * own.Steps / published.Schedule.Steps
	}
	sample.Schedule = own
	return sample.Validate()
}

// given reads the flags that are numbers or "auto".
func (o *options) given(sample *diffusion.Settings) error {
	for _, f := range []struct {
		name, value string
		auto        *bool // nil if it cannot be chosen
		set         func(v float64)
	}{
		{"lambda", o.lambda, &o.auto.lambda, func(v float64) { sample.Lambda = v }},
		{"stop", o.stop, &o.auto.stop, func(v float64) { sample.Stop = int(v) }},
		{"cfg", o.cfg, nil, func(v float64) { sample.CFG = v }},
	} {
		switch {
		case f.value == "":
		case f.value == "auto" && f.auto != nil && o.choose:
			*f.auto = true
		case f.value == "auto" && f.auto != nil:
			return fmt.Errorf(`--%s auto: only "mgd3 distill" can choose`, f.name)
		default:
			v, err := strconv.ParseFloat(f.value, 64)
			if err != nil || (f.name == "stop" && v != math.Trunc(v)) {
				return fmt.Errorf("--%s is %q, want a number", f.name, f.value)
			}
			f.set(v)
		}
	}
	return nil
}

// shareOf returns the published stop, or the same share of another number of steps.
func shareOf(published diffusion.Settings, respacing string) int {
	was, errWas := strconv.Atoi(published.Respacing)
	is, errIs := strconv.Atoi(respacing)
	if errWas != nil || errIs != nil || is < 1 {
		return published.Stop
	}
	return published.Stop * is / was
}
