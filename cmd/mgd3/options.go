package main

import (
	"slices"

	"github.com/spf13/pflag"

	"mgd3/distill"
	"mgd3/modes"
)

// options are what distill and its stages, baseline, compare, sweep, demo and score are asked to do: the groups of
// flags that the command has, nil where it has none of a group.
type options struct {
	flags    *pflag.FlagSet
	preset   string // a name, or ""
	data     *dataFlags
	networks *networkFlags
	modes    *modeFlags
	sampling *samplingFlags
	run      runFlags
	tried    []string // flags of a sweep that are lists of values, and so not given as one

	settings    distill.Settings // complete once they are resolved
	found       *distill.Preset  // that of the name, once they are resolved
	seedEncodes bool             // images are encoded with the seed of the noise, as the preset's program does
}

// given reports whether the user gave the flag one value. Such a value comes before the preset's, and that before the
// default.
func (o *options) given(name string) bool {
	// Whether a flag was given, and not its value, decides: a preset must lose against a default that somebody typed.
	return o.flags.Changed(name) && !slices.Contains(o.tried, name)
}

// resolve completes the settings from the flags, group by group.
func (o *options) resolve() error {
	asked := distill.Asked{Given: o.given}
	if o.preset != "" {
		p, err := distill.FindPreset(o.preset)
		if err != nil {
			return fail(exitUsage, `"mgd3 presets" lists them`, err)
		}
		asked.Preset, o.found = &p, &p
	}
	return o.resolveFrom(asked)
}

// resolveFrom is resolve with what was not given from there.
func (o *options) resolveFrom(asked distill.Asked) (err error) {
	if o.data != nil {
		// The split and the limit are flags of the images, of commands too that encode nothing, and settings of the
		// encoding, since other images are other latents.
		own := o.data.encode
		own.Split, own.Limit = o.data.Split, o.data.Limit
		o.settings.Encode = asked.Encoding(own)
	}
	if o.modes != nil {
		own := o.modes.settings
		// texts until here, since --cluster may be a list in a sweep
		own.Method, own.Short = modes.Method(o.modes.cluster), modes.Short(o.modes.short)
		if o.settings.Modes, err = asked.Modes(own); err != nil {
			return fail(exitUsage, "", err)
		}
	}
	if o.sampling != nil {
		if o.settings.Sample, err = asked.Sampling(o.sampling.AskedSampling); err != nil {
			return fail(exitUsage, "", err)
		}
	}
	// A command without images cannot know whether encoding left something to chance, and takes it that it did.
	o.seedEncodes = asked.SeedEncodes(o.data == nil || o.settings.Encode.HasChance())
	if o.seedEncodes && o.data != nil {
		o.settings.Encode.Seed = o.settings.Sample.Seed
	}
	return nil
}

// withoutEffect says which flags were given and decide nothing, with what else was given.
func (o *options) withoutEffect() (list []string) {
	if o.data == nil {
		return nil
	}
	if o.given("encode-seed") && !o.settings.Encode.HasChance() {
		list = append(list, "--encode-seed has no effect without --flip or --posterior-sample: "+
			"encoding leaves nothing to chance")
	}
	// encode has the flags of both networks, which come as one group
	if o.sampling == nil && o.given("dit") {
		list = append(list, "--dit has no effect: encoding needs the autoencoder alone")
	}
	return list
}
