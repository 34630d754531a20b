package opening

import (
	"errors"
	"fmt"

	"mgd3/internal/exits"
	"mgd3/prompt"
	"mgd3/weights"
)

// errNoPrompts says that a denoiser knows classes by their numbers.
var errNoPrompts = errors.New("the denoiser knows classes by their labels, and is told no prompts")

// prompter returns what makes prompts of classes, nil for a denoiser that is told none.
func (q Request) prompter() (func([]string) ([]string, error), error) {
	if q.Sampling == nil {
		return nil, nil
	}
	n := q.Networks
	given := n.Template != "" || n.PromptFile != ""
	if !n.IsPrompted() {
		if given {
			return nil, exits.Fail(exits.Usage, "leave --prompt and --prompts out: classes.txt names its classes, "+
				"docs/models.md has more", errNoPrompts)
		}
		return nil, nil
	}
	lists, err := n.Unheeded()
	if err != nil {
		return nil, exits.OfNetworks(n.Networks, err)
	}
	for _, list := range lists {
		q.Warn(fmt.Sprintf("%s of %q is passed over: the denoiser is told prompts, and has no labels; --prompts FILE "+
			"has a prompt for each class", list, n.Model.Path))
	}
	source := prompt.Source{Template: n.Template, Guided: q.Settings.Sample.Lambda > 0}
	if q.Preset != nil && !given {
		source.Template = q.Preset.Prompt
	}
	if n.PromptFile != "" {
		text, err := weights.ReadText(weights.Disk, n.PromptFile)
		if err == nil {
			source.File, err = prompt.ParseFile(text)
		}
		if err != nil {
			return nil, exits.Fail(exits.Input, "", fmt.Errorf("--prompts %q: %w", n.PromptFile, err))
		}
	}
	said := map[string]bool{}
	return func(classes []string) ([]string, error) {
		prompts, warnings, err := source.Prompts(classes)
		if errors.Is(err, prompt.ErrTemplate) {
			return nil, exits.Fail(exits.Usage, "", err)
		}
		if err != nil {
			return nil, exits.Fail(exits.Input, "", err)
		}
		for _, w := range warnings {
			if !said[w] {
				said[w] = true
				q.Warn(w)
			}
		}
		return prompts, nil
	}, nil
}

// warnOfSize says that a denoiser of any size is used at another than it was made for; own is 0 where it is not known.
func (q Request) warnOfSize(size, own int) {
	if own != 0 && size != own {
		q.Warn(fmt.Sprintf("images of %d pixels: the denoiser was made for %d, and draws worse at other sizes", size,
			own))
	}
}
