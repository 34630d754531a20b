// Package cli is what cobra leaves to a program: flags under headings and the most used first, help in lines of the
// terminal's width, cobra's errors in words that say what was wanted, and addresses of buckets as paths.
package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// The keys of what help is told of flags and commands, and the titles that no command gives.
const (
	headingKey = "heading" // of a flag: the title that it is under
	firstKey   = "first"   // of a command: the names of its flags under mostUsed
	mostUsed   = "Most used"
	ofAll      = "Every command"
	noHeading  = "Flags"
)

// Heading puts the flags that have been defined since the last heading under one of their own in --help.
func Heading(f *pflag.FlagSet, title string) {
	f.VisitAll(func(flag *pflag.Flag) {
		if flag.Annotations[headingKey] == nil {
			_ = f.SetAnnotation(flag.Name, headingKey, []string{title}) // which fails for names that are not there
		}
	})
}

// First puts the flags that most people need before all others in --help. They are under this heading only, in the
// order given.
func First(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		if cmd.Flags().Lookup(name) == nil {
			panic(name) // a flag of that name is missing in the lines above
		}
	}
	cmd.Annotations = map[string]string{firstKey: strings.Join(names, " ")}
}

// Require makes flags required, which must be defined before.
func Require(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // a flag of that name is missing in the lines above
		}
	}
}

// Width is how many columns the lines of --help have: $COLUMNS, or those of the terminal, or 80.
func Width() int {
	const least, usual = 40, 80
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return max(least, n)
	}
	if n, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil && n > 0 {
		return max(least, n)
	}
	return usual
}

// section is flags under their heading.
type section struct {
	title string
	flags []*pflag.Flag
}

// sections returns the flags of a command as --help shows them: each once, those that most people need first.
func sections(cmd *cobra.Command) []section {
	var list []section
	add := func(title string, f *pflag.Flag) {
		for i := range list {
			if list[i].title == title {
				list[i].flags = append(list[i].flags, f)
				return
			}
		}
		list = append(list, section{title, []*pflag.Flag{f}})
	}
	cmd.InitDefaultHelpFlag()
	cmd.InitDefaultVersionFlag()
	shown := map[string]bool{"help": true, "version": true}
	for _, name := range strings.Fields(cmd.Annotations[firstKey]) {
		shown[name] = true
		add(mostUsed, cmd.Flags().Lookup(name))
	}
	inherited := cmd.InheritedFlags()
	own := cmd.Flags()
	own.SortFlags = false // the order in which they are defined
	own.VisitAll(func(f *pflag.Flag) {
		switch title := f.Annotations[headingKey]; {
		case shown[f.Name] || f.Hidden || inherited.Lookup(f.Name) != nil ||
			cmd.PersistentFlags().Lookup(f.Name) != nil:
		case title == nil:
			add(noHeading, f)
		default:
			add(title[0], f)
		}
	})
	for _, set := range []*pflag.FlagSet{inherited, cmd.PersistentFlags()} {
		set.VisitAll(func(f *pflag.Flag) { add(ofAll, f) })
	}
	for _, name := range []string{"help", "version"} {
		if f := own.Lookup(name); f != nil {
			add(ofAll, f)
		}
	}
	return list
}

// WriteHelp writes what --help says of a command, in lines of at most width columns.
func WriteHelp(w io.Writer, cmd *cobra.Command, width int) {
	about := cmd.Long
	if about == "" {
		about = cmd.Short
	}
	fmt.Fprintln(w, reflow(about, width))
	fmt.Fprintf(w, "\nUsage:\n")
	use := useLine(cmd)
	if cmd.HasAvailableSubCommands() {
		use = cmd.CommandPath() + " COMMAND"
	}
	fmt.Fprintln(w, hang("  ", use+" [flags]", 6, width))
	if cmd.Example != "" {
		fmt.Fprintf(w, "\nExamples:\n%s\n", reflowShell(cmd.Example, width))
	}
	writeCommands(w, cmd, width)
	for _, s := range sections(cmd) {
		fmt.Fprintf(w, "\n%s:\n", s.title)
		for _, f := range s.flags {
			fmt.Fprintln(w, flagHelp(f, width))
		}
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n\"%s COMMAND --help\" has a command's flags, and examples.\n", cmd.CommandPath())
	}
}

// writeCommands lists the commands below cmd, by their groups if they have some.
func writeCommands(w io.Writer, cmd *cobra.Command, width int) {
	rest := &cobra.Group{Title: "Commands:"}
	if len(cmd.Groups()) > 0 {
		rest.Title = "Other:"
	}
	for _, g := range slices.Concat(cmd.Groups(), []*cobra.Group{rest}) {
		title := "\n" + g.Title + "\n"
		for _, sub := range cmd.Commands() {
			if sub.GroupID == g.ID && (sub.IsAvailableCommand() || sub.Name() == "help") {
				fmt.Fprint(w, title)
				fmt.Fprintln(w, hang(fmt.Sprintf("  %-11s ", sub.Name()), sub.Short, 14, width))
				title = ""
			}
		}
	}
}

// flagHelp is the lines on one flag: its name, and beside it what it means.
func flagHelp(f *pflag.Flag, width int) string {
	const column = 28 // where the meaning begins
	value, usage := pflag.UnquoteUsage(f)
	switch value {
	case "int", "uint", "ints":
		value = "N"
	case "float":
		value = "X"
	case "string", "strings":
		value = "TEXT"
	}
	name := "      --" + f.Name
	if f.Shorthand != "" {
		name = "  -" + f.Shorthand + ", --" + f.Name
	}
	if value != "" {
		name += " " + value
	}
	// what is off, none or 0 by default is said by the flag's own text
	if usual := strings.Trim(f.DefValue, "[]"); usual != "" && usual != "0" && usual != "false" {
		usage += " (default " + usual + ")"
	}
	if n := utf8.RuneCountInString(name); n > column-2 {
		return name + "\n" + hang(strings.Repeat(" ", column), usage, column, width)
	}
	return hang(fmt.Sprintf("%-*s", column, name), usage, column, width)
}
