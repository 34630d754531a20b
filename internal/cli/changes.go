package cli

import "github.com/spf13/pflag"

// Changes defines a flag for each name, whose help ends with usage. The function returns those that were given as
// NAME=VALUE, in the order of the names: the order in which they are given decides nothing.
func Changes(f *pflag.FlagSet, names []string, usage string) func() []string {
	for _, name := range names {
		f.String(name, "", "change the protocol's "+name+usage)
	}
	return func() (changes []string) {
		for _, name := range names {
			if flag := f.Lookup(name); flag.Changed {
				changes = append(changes, name+"="+flag.Value.String())
			}
		}
		return changes
	}
}
