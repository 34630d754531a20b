package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"mgd3/diffusion"
	"mgd3/distill"
	"mgd3/encode"
	"mgd3/modes"
)

// parsed are the options of a command with all groups that have a field of a preset, after these arguments.
func parsed(t *testing.T, args ...string) *options {
	t.Helper()
	o := &options{
		flags: pflag.NewFlagSet("test", pflag.ContinueOnError),
		data:  &dataFlags{}, modes: &modeFlags{}, sampling: &samplingFlags{},
	}
	o.presetFlag()
	o.data.add(o.flags)
	o.modes.add(o.flags)
	o.sampling.add(o.flags)
	if err := o.flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return o
}

// unusual is a preset that has no value of the flags' own.
func unusual() distill.Preset {
	return distill.Preset{Name: "unusual", Settings: distill.Settings{
		Encode: encode.Settings{Size: 48, Crop: "center", Flip: true, IgnoreEXIF: true, FromSample: true,
			Seed: 7},
		Modes: distill.ModeSettings{Method: modes.GMM, Nearest: true, Pool: 2, Short: modes.ShortRepeat, Seed: 5},
		Sample: distill.SampleSettings{Settings: diffusion.Settings{
			Rule: diffusion.DDIMPaper, Schedule: diffusion.DiT(1000), Respacing: "20",
			Lambda: 0.3, Stop: 7, CFG: 2, CFGChannels: 2, Eta: 0.5, Clip: true,
		}},
	}}
}

// TestPresetPrecedence: of every field of a preset, what the user gives beats the preset, which beats the default;
// and a field that is given leaves the others to the preset, but for what belongs to another rule, and the stop of
// another number of steps.
func TestPresetPrecedence(t *testing.T) {
	fields := map[string]struct{ usual, preset, given string }{
		"size":             {"0", "0", "64"}, // the model's, whatever the preset says
		"crop":             {"adm", "center", "adm"},
		"flip":             {"false", "true", "false"},
		"ignore-exif":      {"false", "true", "false"},
		"posterior-sample": {"false", "true", "false"},
		"encode-seed":      {"0", "7", "9"},
		"cluster":          {"kmeans", "gmm", "bisecting"},
		"nearest":          {"false", "true", "false"},
		"pool":             {"0", "2", "3"},
		"modes-seed":       {"0", "5", "6"},
		"short-class":      {"error", "repeat", "error"},
		"rule":             {"ddpm", "ddim-paper", "ddim-x0"},
		"steps":            {"50", "20", "10"},
		"lambda":           {"0.1", "0.3", "0.2"},
		"stop":             {"25", "7", "3"},
		"cfg":              {"4", "2", "1"},
		"cfg-channels":     {"3", "2", "0"},
		"eta":              {"0", "0.5", "0.25"},
		"clip":             {"false", "true", "false"},
	}
	resolved := func(p *distill.Preset, args ...string) map[string]string {
		o := parsed(t, args...)
		if err := o.resolveFrom(distill.Asked{Given: o.given, Preset: p}); err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		values := map[string]string{}
		for _, f := range distill.Fields() {
			values[f.Name] = f.Text(o.settings)
		}
		return values
	}
	preset := unusual()
	plain, merged := resolved(nil), resolved(&preset)
	for _, f := range distill.Fields() {
		want, ok := fields[f.Name]
		if !ok {
			t.Errorf("field %s is not tested", f.Name)
			continue
		}
		if plain[f.Name] != want.usual || merged[f.Name] != want.preset {
			t.Errorf("--%s: got %s by default and %s of the preset, want %s and %s", f.Name, plain[f.Name],
				merged[f.Name], want.usual, want.preset)
		}
		for name, got := range resolved(&preset, "--"+f.Name+"="+want.given) {
			w := fields[name].preset
			switch {
			case name == f.Name:
				w = want.given
			case f.Name == "steps" && name == "stop":
				w = "5" // the published share, 25 of 50
			case f.Name == "rule" && of(name).OfRule:
				w = fields[name].usual
			}
			if got != w {
				t.Errorf("--%s %s: got %s %s, want %s", f.Name, want.given, name, got, w)
			}
		}
	}
}

// of is the field of that name.
func of(name string) distill.Field {
	for _, f := range distill.Fields() {
		if f.Name == name {
			return f
		}
	}
	return distill.Field{}
}

// TestPresetSeeds: a preset whose program seeds the flips with the noise takes --seed for both, unless a seed of the
// encoding is given or nothing is left to chance.
func TestPresetSeeds(t *testing.T) {
	for _, c := range []struct {
		args []string
		want uint64
		is   bool
	}{
		{[]string{"--preset=mgd3", "--seed=3"}, 3, true},
		{[]string{"--preset=mgd3", "--seed=3", "--encode-seed=4"}, 4, false},
		{[]string{"--preset=mgd3", "--seed=3", "--flip=false"}, 0, false},
		{[]string{"--preset=mgd3", "--seed=3", "--flip=false", "--posterior-sample"}, 3, true},
		{[]string{"--seed=3", "--flip"}, 0, false},
	} {
		o := parsed(t, c.args...)
		if err := o.resolve(); err != nil {
			t.Fatal(err)
		}
		if o.settings.Encode.Seed != c.want || o.seedEncodes != c.is {
			t.Errorf("%v: got the seed %d, %v, want %d, %v", c.args, o.settings.Encode.Seed, o.seedEncodes, c.want,
				c.is)
		}
	}
}

// TestListsAreNotGiven: where a sweep tries several values of a flag, its other lists are tried around the preset's
// value.
func TestListsAreNotGiven(t *testing.T) {
	o := parsed(t, "--preset=mgd3-gmm", "--cluster=kmeans,gmm", "--stop=10,20", "--cfg=2")
	axes, err := o.takeLists()
	if err != nil {
		t.Fatal(err)
	}
	if err := o.resolve(); err != nil {
		t.Fatal(err)
	}
	s := o.settings
	if s.Modes.Method != modes.GMM || s.Sample.Stop != 25 || s.Sample.CFG != 2 {
		t.Errorf("got %s, stop %d, cfg %v, want gmm, 25 and 2", s.Modes.Method, s.Sample.Stop, s.Sample.CFG)
	}
	if len(axes.Cluster) != 2 || len(axes.Stop) != 2 || axes.CFG != nil {
		t.Errorf("got the lists %+v, want two clusterers and two stops", axes)
	}
}

// TestWithoutEffect: a flag that decides nothing is named, and none that does.
func TestWithoutEffect(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string // of the only line; "" where there is none
	}{
		{nil, ""},
		{[]string{"--encode-seed", "3"}, "--encode-seed"},
		{[]string{"--encode-seed", "3", "--flip"}, ""},
		{[]string{"--encode-seed", "3", "--posterior-sample"}, ""},
		{[]string{"--dit", "nowhere"}, "--dit"},
	} {
		o := &options{data: &dataFlags{}, networks: &networkFlags{}}
		o.flags = pflag.NewFlagSet("encode", pflag.ContinueOnError)
		o.presetFlag()
		o.data.add(o.flags)
		o.networks.add(o.flags)
		if err := errors.Join(o.flags.Parse(c.args), o.resolve()); err != nil {
			t.Fatal(err)
		}
		got := o.withoutEffect()
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], c.want+" ")) {
			t.Errorf("%q: got %q, want a line of %q", c.args, got, c.want)
		}
	}
}
