package cli

import (
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"mgd3/store"
)

// Given returns the values of the flags that were given, but for some. What is in a bucket has its address: a path in
// one is known to this process alone.
func Given(f *pflag.FlagSet, but []string) map[string][]string {
	flags := map[string][]string{}
	f.Visit(func(flag *pflag.Flag) {
		if slices.Contains(but, flag.Name) {
			return
		}
		flags[flag.Name] = []string{flag.Value.String()}
		// String of a list is in brackets, which Set does not read
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			flags[flag.Name] = slices.Clone(list.GetSlice())
		}
		for i, value := range flags[flag.Name] {
			flags[flag.Name][i] = store.Again(value)
		}
	})
	return flags
}

// idle are the flags that decide no number.
var idle = []string{"out", "shard", "lease", "checkpoint-every", "help", "quiet", "json", "backend", "plugin", "plots"}

// Deciding are the flags that were given and decide numbers.
func Deciding(f *pflag.FlagSet) map[string][]string { return Given(f, idle) }

// Take sets the flags that were not given to the values of [Given], and returns the names of those that were, which
// keep theirs.
func Take(f *pflag.FlagSet, flags map[string][]string) (kept []string, err error) {
	given := map[string]bool{}
	f.Visit(func(flag *pflag.Flag) { given[flag.Name] = true })
	for name, values := range flags {
		if given[name] {
			kept = append(kept, name)
			continue
		}
		for _, value := range values {
			before, path, err := toPath(value)
			if err == nil {
				err = f.Set(name, before+path)
			}
			if err != nil {
				return nil, fmt.Errorf("--%s: %w", name, err)
			}
		}
	}
	// flags is a map: its order is another one each time
	slices.Sort(kept)
	return kept, nil
}
