package distill

import "mgd3/encode"

// Asked says where the values of settings come from that nobody gave: from a preset, or else they are the usual ones.
type Asked struct {
	Preset *Preset                // nil if there is none
	Given  func(name string) bool // whether the field of that name, see [Fields], was given
}

// merge returns own, with the preset's value of what was not given.
func (a Asked) merge(own Settings) Settings {
	if a.Preset == nil {
		return own
	}
	return a.Preset.Merge(own, a.Given)
}

// Encoding returns the settings of encoding: own where they were given.
func (a Asked) Encoding(own encode.Settings) encode.Settings {
	return a.merge(Settings{Encode: own}).Encode
}

// Modes returns the settings of finding modes: own where they were given.
func (a Asked) Modes(own ModeSettings) (ModeSettings, error) {
	own = a.merge(Settings{Modes: own}).Modes
	return own, own.Check()
}

// SeedEncodes reports whether images are encoded with the seed of the noise, as the preset's program does; chance says
// whether encoding leaves anything to it.
func (a Asked) SeedEncodes(chance bool) bool {
	return a.Preset != nil && a.Preset.SeedEncodes && !a.Given("encode-seed") && chance
}
