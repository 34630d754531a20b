package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/pflag"

	"mgd3/compare"
)

// notOfRecipe are the flags that decide no number.
var notOfRecipe = map[string]bool{"recipe": true, "out": true, "shard": true, "checkpoint-every": true, "help": true,
	"quiet": true, "json": true, "backend": true, "plugin": true}

// recipeOf returns the values of all flags that were given.
func recipeOf(f *pflag.FlagSet, train []string) map[string][]string {
	flags := map[string][]string{}
	f.Visit(func(flag *pflag.Flag) {
		if notOfRecipe[flag.Name] {
			return
		}
		flags[flag.Name] = []string{flag.Value.String()}
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			flags[flag.Name] = list.GetSlice()
		}
	})
	flags["train"] = train
	return flags
}

// takeRecipe sets the flags of a recipe that were not given beside it, and says which were.
func (e *env) takeRecipe(f *pflag.FlagSet, path string) (*compare.Recipe, error) {
	r, err := compare.ReadRecipe(path)
	if err != nil {
		return nil, fail(exitInput, "", err)
	}
	given := map[string]bool{}
	f.Visit(func(flag *pflag.Flag) { given[flag.Name] = true })
	for name, values := range r.Flags {
		if given[name] {
			e.warnText(fmt.Sprintf("--%s is that of the command, not of the recipe", name))
			continue
		}
		for _, value := range values {
			if err := f.Set(name, value); err != nil {
				return nil, fail(exitInput, "", fmt.Errorf("%q: --%s: %w", path, name, err))
			}
		}
	}
	return r, nil
}

// recipe writes the recipe of a finished evaluation, returns how it is shown, and holds it against the one it is of.
func (e *env) recipe(o *evaluateOptions) (note string, err error) {
	now := o.judge.Recipe(o.flags)
	if o.recipe != nil {
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
	text, err := json.Marshal(now)
	return "Recipe, the content of a file for mgd3 evaluate --recipe: " + string(text), err
}
