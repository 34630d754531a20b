package main

import (
	"slices"

	"github.com/spf13/pflag"

	"mgd3/distill"
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
	seedEncodes bool             // images are encoded with the seed of the noise, as the preset's program does
}

// given reports whether the user gave the flag one value. Such a value comes before the preset's, and that before the
// default.
func (o *options) given(name string) bool {
	return o.flags.Changed(name) && !slices.Contains(o.tried, name)
}

// source is where the values of flags come from that were not given.
type source struct {
	given  func(name string) bool
	preset *distill.Preset // nil if there is none
}

// merge returns own, the values of the flags, with those of the preset for what was not given.
func (from source) merge(own distill.Settings) distill.Settings {
	if from.preset == nil {
		return own
	}
	return from.preset.Merge(own, from.given)
}

// resolve completes the settings from the flags, group by group.
func (o *options) resolve() error {
	from := source{given: o.given}
	if o.preset != "" {
		p, err := distill.FindPreset(o.preset)
		if err != nil {
			return fail(exitUsage, `"mgd3 presets" lists them`, err)
		}
		from.preset = &p
	}
	return o.resolveFrom(from)
}

// resolveFrom is resolve with what was not given from there.
func (o *options) resolveFrom(from source) (err error) {
	if o.data != nil {
		o.settings.Encode = o.data.resolve(from)
	}
	if o.modes != nil {
		if o.settings.Modes, err = o.modes.resolve(from); err != nil {
			return fail(exitUsage, "", err)
		}
	}
	if o.sampling != nil {
		if o.settings.Sample, err = o.sampling.resolve(from); err != nil {
			return fail(exitUsage, "", err)
		}
	}
	chance := o.data == nil || o.settings.Encode.Flip || o.settings.Encode.FromSample // whether a seed matters
	o.seedEncodes = from.preset != nil && from.preset.SeedEncodes && !o.given("encode-seed") && chance
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
	if s := o.settings.Encode; o.given("encode-seed") && !s.Flip && !s.FromSample {
		list = append(list, "--encode-seed has no effect without --flip or --posterior-sample: "+
			"encoding leaves nothing to chance")
	}
	if o.sampling == nil && o.given("dit") {
		list = append(list, "--dit has no effect: encoding needs the autoencoder alone")
	}
	return list
}
