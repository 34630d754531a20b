package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/pflag"

	"mgd3/compare"
	"mgd3/internal/cli"
)

// takeRecipe sets the flags of a recipe that were not given beside it, and says which were.
func (e *env) takeRecipe(f *pflag.FlagSet, path string) (*compare.Recipe, error) {
	// A recipe is the flags of a finished evaluation and the hashes of its networks: the same flags on the same files
	// must give the same hashes, on the cpu to the bit.
	r, err := compare.ReadRecipe(path)
	if err != nil {
		return nil, fail(exitInput, "", err)
	}
	kept, err := cli.Take(f, r.Flags)
	if err != nil {
		return nil, fail(exitInput, "", fmt.Errorf("%q: %w", path, err))
	}
	for _, name := range kept {
		e.warnText(fmt.Sprintf("--%s is that of the command, not of the recipe", name))
	}
	return r, nil
}

// recipe writes the recipe of a finished evaluation, returns how it is shown, and holds it against the one it is of.
func (e *env) recipe(o *evaluateOptions) (note string, err error) {
	now := o.judge.Recipe(o.flags)
	if o.recipe != nil {
		// Differences are said and are no error: another machine, or XLA, may round in another way.
		lines := o.recipe.Differences(now)
		for _, line := range lines {
			e.warnText("recipe: " + line)
		}
		if lines == nil {
			e.say("recipe: the same networks, to the bit")
		}
	}
	if o.judge.Out != "" {
		return "Recipe: mgd3 evaluate --recipe " + o.judge.Out + "/recipe.json", now.Write(o.judge.Out)
	}
	// without --out there is no folder for it, and the recipe is printed
	text, err := json.Marshal(now)
	return "Recipe, the content of a file for mgd3 evaluate --recipe: " + string(text), err
}
