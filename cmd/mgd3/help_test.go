package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write testdata/flags.txt anew")

// TestFlags: every command has the flags that it had before, with the same defaults; one a line in testdata/flags.txt.
func TestFlags(t *testing.T) {
	const golden = "testdata/flags.txt"
	var b strings.Builder
	everyCommand((&env{}).root(), func(cmd *cobra.Command) {
		fmt.Fprintln(&b, cmd.CommandPath())
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			value := fmt.Sprintf("%q", f.DefValue)
			if f.Name == "threads" || f.Name == "offline" {
				value = "of the machine"
			}
			short := ""
			if f.Shorthand != "" {
				short = " -" + f.Shorthand
			}
			fmt.Fprintf(&b, "  --%s%s %s %s\n", f.Name, short, f.Value.Type(), value)
		})
	})
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the flags of the commands differ from %s, got\n%s", golden, b.String())
	}
}

// everyCommand calls see with cmd and all commands below it.
func everyCommand(cmd *cobra.Command, see func(*cobra.Command)) {
	see(cmd)
	for _, sub := range cmd.Commands() {
		everyCommand(sub, see)
	}
}
