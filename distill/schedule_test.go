package distill

import (
	"errors"
	"strings"
	"testing"

	"mgd3/diffusion"
	"mgd3/dit"
)

// TestTakeSchedule: by every rule the noise is that of the denoiser; settings that say another are refused, and
// settings that say none stay so, and with them the keys of their images, where the rule was published with the
// denoiser's.
func TestTakeSchedule(t *testing.T) {
	long := diffusion.Schedule{Kind: diffusion.Linear, Steps: 2000, Start: 1e-4, End: 0.02}
	none := diffusion.Schedule{}
	for _, rule := range diffusion.Rules() {
		published, err := diffusion.Published(rule)
		if err != nil {
			t.Fatal(err)
		}
		for name, own := range map[string]diffusion.Schedule{"DiT": dit.Published(), "not said": none,
			"Stable Diffusion": diffusion.StableDiffusion(), "long": long} {
			want := own
			if own == none {
				want = dit.Published()
			}
			for _, given := range []diffusion.Schedule{none, dit.Published(), diffusion.StableDiffusion(), long} {
				r := &Run{Denoiser: &dit.Model{Schedule: own}}
				r.Settings.Sample.Settings = published
				r.Settings.Sample.Schedule = given
				err := r.takeSchedule()
				if given != none && given != want {
					if !errors.Is(err, ErrModel) || !strings.Contains(err.Error(), want.String()) {
						t.Errorf("%s, %s, given %v: got error %v, want an ErrModel that names %v", rule, name, given,
							err, want)
					}
					continue
				}
				sampler, errN := diffusion.New(r.Settings.Sample.Settings)
				if err := errors.Join(err, errN); err != nil || sampler.Settings().Schedule != want {
					t.Errorf("%s, %s, given %v: sampled with %v, %v, want %v", rule, name, given,
						sampler.Settings().Schedule, err, want)
				}
				if kept := r.Settings.Sample.Schedule == given; !kept && published.Schedule == want {
					t.Errorf("%s, %s, given %v: the settings are changed to %v", rule, name, given,
						r.Settings.Sample.Schedule)
				}
			}
		}
	}
}
