package evaluate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mgd3/engine"
)

// setting is a field that may be changed by name.
type setting struct {
	name string
	set  func(p *Protocol, value string) error
}

var settings = []setting{
	{"epochs", func(p *Protocol, v string) error {
		epochs, err := strconv.Atoi(v)
		p.setEpochs(epochs)
		return err
	}},
	{"size", func(p *Protocol, v string) (err error) {
		p.Size, err = strconv.Atoi(v)
		p.TrainSize = p.Size
		if p.Labels == Soft {
			p.TrainSize, p.Augment.Margin = margin(p.Size), softAugment(1, p.Size).Margin
		}
		return err
	}},
	{"batch", func(p *Protocol, v string) (err error) { p.Batch, err = strconv.Atoi(v); return err }},
	{"rate", func(p *Protocol, v string) (err error) { p.Optimiser.Rate, err = strconv.ParseFloat(v, 64); return err }},
	{"decay", func(p *Protocol, v string) (err error) {
		p.Optimiser.Decay, err = strconv.ParseFloat(v, 64)
		return err
	}},
	{"norm", func(p *Protocol, v string) error { p.Norm = Norm(v); return nil }},
	{"precision", func(p *Protocol, v string) error {
		p.Precision = engine.Precision(v)
		if p.Precision == engine.Float32 {
			p.Precision = ""
		}
		return nil
	}},
	{"flip", func(p *Protocol, v string) error {
		flip, err := strconv.ParseBool(v)
		p.Augment.Flip = 0
		if flip {
			p.Augment.Flip = 0.5
		}
		return err
	}},
	{"augment", func(p *Protocol, v string) error {
		on, err := strconv.ParseBool(v)
		if !on {
			a := &p.Augment
			a.Shuffle, a.Scale, a.Ratio, a.Flip, a.Jitter, a.Lighting = 0, [2]float64{}, [2]float64{}, 0, Jitter{}, 0
			a.Pad = 0
			p.CutMix, p.DSA = 0, DSA{}
		}
		return err
	}},
	{"cutmix", func(p *Protocol, v string) (err error) { p.CutMix, err = strconv.ParseFloat(v, 64); return err }},
	{"validate", func(p *Protocol, v string) (err error) {
		p.Validation = Validation{}
		p.Validation.Every, err = strconv.Atoi(v)
		return err
	}},
	{"publish", func(p *Protocol, v string) error { p.Publish = v; return nil }},
}

// Settings lists what [Protocol.With] can change.
func Settings() []string {
	var names []string
	for _, s := range settings {
		names = append(names, s.name)
	}
	return names
}

// With returns the protocol with changes such as "epochs=50" and "flip=false", and with a name that says so. A change
// to what is there already is none.
func (p Protocol) With(changes ...string) (Protocol, error) {
	var made []string
	for _, change := range changes {
		name, value, _ := strings.Cut(change, "=")
		i := slices.IndexFunc(settings, func(s setting) bool { return s.name == name })
		if i < 0 {
			return Protocol{}, fmt.Errorf("a protocol has no %q to change, want one of %s", name,
				strings.Join(Settings(), ", "))
		}
		if settings[i].set(&p, value) != nil {
			want := "a number"
			if name == "flip" || name == "augment" {
				want = "true or false"
			}
			return Protocol{}, fmt.Errorf("the protocol's %s is to be %q, want %s", name, value, want)
		}
		made = append(made, change)
	}
	if len(made) > 0 {
		p.Name += " (" + strings.Join(made, ", ") + ")"
	}
	return p, p.Check()
}
