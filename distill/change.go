package distill

import (
	"cmp"

	"mgd3/diffusion"
)

// Change is what somebody wants otherwise for one image; "" leaves what the run had.
type Change struct {
	Rule   string  `json:"rule"`
	Steps  string  `json:"steps"`
	Lambda string  `json:"lambda"` // numbers
	Stop   string  `json:"stop"`
	Seed   *uint64 `json:"seed"`
}

// Of returns the settings with the changes. Of another rule what is not given is as published with it, as the flags of
// a command take it.
func (c Change) Of(was SampleSettings) (SampleSettings, error) {
	s := was
	if c.Seed != nil {
		s.Seed = *c.Seed
	}
	asked := AskedSampling{Rule: cmp.Or(c.Rule, string(was.Rule)), Steps: c.Steps, Lambda: c.Lambda, Stop: c.Stop}
	if c.Steps == "" && asked.Rule == string(was.Rule) {
		if err := asked.numbers(&s.Settings); err != nil {
			return s, err
		}
		return s, s.Check()
	}
	schedule := was.Schedule
	if schedule == (diffusion.Schedule{}) {
		published, err := diffusion.Published(was.Rule)
		if err != nil {
			return s, err
		}
		schedule = published.Schedule
	}
	asked.Own = s
	given := Asked{Given: func(name string) bool { return name == "guide-scale" || name == "together-scale" }}
	s, err := given.Sampling(asked)
	if err != nil {
		return s, err
	}
	if asked.Rule == string(was.Rule) { // but for the steps
		s.CFG, s.CFGChannels, s.CFGInterval = was.CFG, was.CFGChannels, was.CFGInterval
		if c.Lambda == "" {
			s.Lambda = was.Lambda
		}
	}
	return s, asked.TakeSchedule(&s.Settings, schedule)
}
