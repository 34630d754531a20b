package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Completions are what a shell offers for the values of flags, by their names; a flag of one command alone goes first,
// as "mgd3 export --format".
type Completions map[string]func() []string

// Values are the names of a table, for [Completions].
func Values[S ~string](table []S) func() []string {
	return func() (names []string) {
		for _, name := range table {
			names = append(names, string(name))
		}
		return names
	}
}

// Complete tells the shells' completion what the values of the flags of cmd and of all below it may be: those of the
// table; folders where --help calls the value DIR, files where it calls it by another name, and nothing for numbers.
func Complete(cmd *cobra.Command, table Completions) {
	offer := func(f *pflag.Flag) {
		values, known := table[cmd.CommandPath()+" --"+f.Name]
		if !known {
			values, known = table[f.Name]
		}
		_, list := f.Value.(pflag.SliceValue)
		name, _ := pflag.UnquoteUsage(f)
		// The one error is of a flag that has completions already.
		_ = cmd.RegisterFlagCompletionFunc(f.Name, func(_ *cobra.Command, _ []string, typed string) ([]string,
			cobra.ShellCompDirective) {
			switch {
			case known:
				return offered(values(), typed, list || strings.Contains(typed, ",")), filesToo(name)
			case name == "DIR":
				return nil, cobra.ShellCompDirectiveFilterDirs
			case slices.Contains([]string{"FILE", "PATH", "SET", "SETS", "LIST"}, name):
				return nil, cobra.ShellCompDirectiveDefault
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		})
	}
	cmd.LocalNonPersistentFlags().VisitAll(offer)
	cmd.PersistentFlags().VisitAll(offer)
	for _, sub := range cmd.Commands() {
		Complete(sub, table)
	}
}

// filesToo is for values that are names or files.
func filesToo(name string) cobra.ShellCompDirective {
	if slices.Contains([]string{"FILE", "PATH", "SET", "LIST"}, name) {
		return cobra.ShellCompDirectiveDefault
	}
	return cobra.ShellCompDirectiveNoFileComp
}

// offered are the values that go on what was typed; of a list with commas, after the last of them.
func offered(values []string, typed string, list bool) (all []string) {
	before := ""
	if at := strings.LastIndex(typed, ","); list && at >= 0 {
		before = typed[:at+1]
	}
	for _, v := range values {
		if strings.HasPrefix(before+v, typed) && !slices.Contains(strings.Split(before, ","), v) {
			all = append(all, before+v)
		}
	}
	return all
}
