package main

import (
	"errors"
	"fmt"

	"mgd3/distill"
	"mgd3/model"
	"mgd3/prompt"
	"mgd3/weights"
)

// errNoPrompts says that a denoiser knows classes by their numbers.
var errNoPrompts = errors.New("the denoiser knows classes by their labels, and is told no prompts")

// prompter returns what makes prompts of classes as the flags say, nil for a denoiser that is told none.
func (e *env) prompter(o *options, n model.Networks) (func([]string) ([]string, error), error) {
	if o.sampling == nil {
		return nil, nil
	}
	given := o.networks.prompt != "" || o.networks.prompts != ""
	if !n.IsPrompted() {
		if given {
			return nil, fail(exitUsage, "leave --prompt and --prompts out: classes.txt names its classes, "+
				"docs/models.md "+
				"has more", errNoPrompts)
		}
		return nil, nil
	}
	lists, err := n.Unheeded()
	if err != nil {
		return nil, networkFailure(n, err)
	}
	for _, list := range lists {
		e.warn("%s of %q is passed over: the denoiser is told prompts, and has no labels; --prompts FILE has a prompt "+
			"for each class", list, n.Model.Path)
	}
	source := prompt.Source{Template: o.networks.prompt, Guided: o.settings.Sample.Lambda > 0}
	if p, err := distill.FindPreset(o.preset); err == nil && !given {
		source.Template = p.Prompt
	}
	if name := o.networks.prompts; name != "" {
		text, err := weights.ReadText(weights.Disk, name)
		if err == nil {
			source.File, err = prompt.ParseFile(text)
		}
		if err != nil {
			return nil, fail(exitInput, "", fmt.Errorf("--prompts %q: %w", name, err))
		}
	}
	said := map[string]bool{}
	return func(classes []string) ([]string, error) {
		prompts, warnings, err := source.Prompts(classes)
		if errors.Is(err, prompt.ErrTemplate) {
			return nil, fail(exitUsage, "", err)
		}
		if err != nil {
			return nil, fail(exitInput, "", err)
		}
		for _, w := range warnings {
			if !said[w] {
				said[w] = true
				e.warn("%s", w)
			}
		}
		return prompts, nil
	}, nil
}

// warnOfSize says that a denoiser of any size is used at another than it was made for.
func (e *env) warnOfSize(size, own int) {
	if own != 0 && size != own {
		e.warn("images of %d pixels: the denoiser was made for %d, and draws worse at other sizes", size, own)
	}
}
