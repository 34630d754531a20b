package compare

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"

	"mgd3/evaluate"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
)

// Recipe is all that an evaluation was asked for, and what it came to: the same recipe gives the same networks on every
// machine of the same backend. Paths are as they were given.
type Recipe struct {
	Format  int                 `json:"format"`
	Version string              `json:"version"`
	Backend string              `json:"backend"`
	Flags   map[string][]string `json:"flags"` // of mgd3 evaluate, by their names
	Results []RecipeResult      `json:"results"`
}

// RecipeResult is one training.
type RecipeResult struct {
	Set      string            `json:"set"`
	Net      string            `json:"net"`
	Seed     uint64            `json:"seed"`
	Last     float64           `json:"last"`
	Best     float64           `json:"best"`
	Weights  string            `json:"weights"` // SHA-256 of the trained net
	Protocol evaluate.Protocol `json:"protocol"`
}

const (
	recipeName   = "recipe.json"
	recipeFormat = 1
)

// Recipe returns that of the evaluation, which was asked for by flags.
func (v *Evaluation) Recipe(flags map[string][]string) *Recipe {
	r := &Recipe{Format: recipeFormat, Version: stage.Version, Backend: v.Evaluator.Engine.Name(), Flags: flags}
	for _, set := range v.Sets {
		for _, scores := range set.Scores {
			for _, s := range scores {
				r.Results = append(r.Results, RecipeResult{set.Name, s.Net, s.Seed, s.Last, s.Best, s.Weights,
					s.Protocol})
			}
		}
	}
	return r
}

// Write writes the recipe into a folder.
func (r *Recipe) Write(dir string) error {
	return atomicfile.WriteJSON(filepath.Join(dir, recipeName), r)
}

// ReadRecipe reads a recipe.
func ReadRecipe(path string) (*Recipe, error) {
	data, err := atomicfile.Read(path, atomicfile.MostText)
	if err != nil {
		return nil, err
	}
	var r Recipe
	if err := json.Unmarshal(data, &r); err != nil || r.Format != recipeFormat || len(r.Flags) == 0 {
		return nil, fmt.Errorf("%q: %w, or no recipe of \"mgd3 evaluate\"", path, stage.ErrDamaged)
	}
	return &r, nil
}

// Differences says where another run of the recipe came to something else, each in a line.
func (r *Recipe) Differences(now *Recipe) (lines []string) {
	if r.Backend != now.Backend {
		lines = append(lines, fmt.Sprintf("the backend is %s, in the recipe %s", now.Backend, r.Backend))
	}
	for _, was := range r.Results {
		i := slices.IndexFunc(now.Results, func(is RecipeResult) bool {
			return is.Set == was.Set && is.Net == was.Net && is.Seed == was.Seed
		})
		name := fmt.Sprintf("%q, %s, seed %d", was.Set, was.Net, was.Seed)
		if i < 0 {
			lines = append(lines, name+" was not trained now")
			continue
		}
		is := now.Results[i]
		if field, there, here := stage.DifferenceOf(was.Protocol, is.Protocol); field != "" {
			lines = append(lines, fmt.Sprintf("%s: the protocol's %s is %s, in the recipe %s", name, field, here,
				there))
		}
		if is.Weights != was.Weights {
			lines = append(lines, fmt.Sprintf("%s: another network, with %.1f %% at the end, in the recipe %.1f %%",
				name,
				100*is.Last, 100*was.Last))
		}
	}
	return lines
}
