package cli

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Empty returns the flags that were given with nothing in them and are then as if they were left out: mostly a variable
// of the shell that is not set.
func Empty(cmd *cobra.Command) (names []string) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Value.Type() == "string" && f.DefValue == "" && f.Value.String() == "" {
			names = append(names, f.Name)
		}
	})
	return names
}
