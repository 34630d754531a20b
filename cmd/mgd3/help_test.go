package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"mgd3/internal/cli"

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

// TestHelp: the help of every command fits its width, has each flag and each word once whatever the width, and its
// examples stay commands of a shell.
func TestHelp(t *testing.T) {
	everyCommand((&env{}).root(), func(cmd *cobra.Command) {
		name := cmd.CommandPath()
		if strings.HasPrefix(name, "mgd3 completion") || name == "mgd3 help" { // cobra's own words
			return
		}
		texts := map[int]string{}
		for _, width := range []int{80, 100, 120} {
			var b strings.Builder
			cli.WriteHelp(&b, cmd, width)
			texts[width] = b.String()
			for line := range strings.Lines(b.String()) {
				if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width {
					t.Errorf("%s: a line of %d columns, want at most %d: %q", name, n, width, line)
				}
			}
			for example := range strings.Lines(strings.ReplaceAll(cmd.Example, " \\\n", " ")) {
				command, _, _ := strings.Cut(example, "# ")
				if command = strings.Join(strings.Fields(command),
					" "); !strings.Contains(unfolded(b.String()), command) {
					t.Errorf("%s: the example %q is not in the help of %d columns", name, command, width)
				}
			}
			cmd.Flags().VisitAll(func(f *pflag.Flag) {
				if f.Hidden {
					return
				}
				row := regexp.MustCompile(`(?m)^  (?:-\w, |    )--` + f.Name + `(?: |$)`)
				if n := len(row.FindAllString(b.String(), -1)); n != 1 {
					t.Errorf("%s: --%s is %d times in the help", name, f.Name, n)
				}
			})
		}
		if a, b := allWords(texts[80]), allWords(texts[120]); !slices.Equal(a, b) {
			t.Errorf("%s: the help of 80 columns has other words than that of 120", name)
		}
	})
}

// unfolded is text with the lines that a backslash breaks joined, and one space for several.
func unfolded(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(text, "\\\n", " ")), " ")
}

// allWords are those of a text in the order of the alphabet, without the signs that breaking a line adds.
func allWords(text string) []string {
	list := slices.DeleteFunc(strings.Fields(text), func(w string) bool { return w == `\` || w == "#" })
	slices.Sort(list)
	return list
}

// headings are those that the flags of a command stand under.
func headings(cmd *cobra.Command) (titles []string) {
	var b strings.Builder
	cli.WriteHelp(&b, cmd, 120)
	for _, m := range regexp.MustCompile(`(?m)^(\S.*):\n {2,6}-`).FindAllStringSubmatch(b.String(), -1) {
		titles = append(titles, m[1])
	}
	return titles
}

// TestHeadings: under which headings the flags of each command stand.
func TestHeadings(t *testing.T) {
	pipeline := "Most used, Images, How images are read, Networks, Modes, Sampling, "
	want := map[string]string{
		"mgd3":          "Every command",
		"mgd3 distill":  pipeline + "Automatic choice, Run, Every command",
		"mgd3 encode":   "Most used, Images, How images are read, Networks, Run, Every command",
		"mgd3 modes":    "Most used, Modes, Run, Every command",
		"mgd3 sample":   "Most used, Networks, Sampling, Run, Every command",
		"mgd3 baseline": pipeline + "Run, Every command",
		"mgd3 compare": "Most used, Comparison, Sets of tensors, Images, How images are read, Networks, Modes, " +
			"Sampling, Run, Every command",
		"mgd3 embed": "Most used, Images, How images are read, Networks, Features, Every command",
		"mgd3 refine": "Most used, Images, How images are read, Sets of tensors, Networks, Sampling, Run, " +
			"Every command",
		"mgd3 serve": "Serving, Networks, Every command",
		"mgd3 sheet": "Sets of tensors, Flags, Every command",
		"mgd3 sweep": pipeline + "Run, Judging, Every command",
		"mgd3 demo":  "Demo, Networks, Modes, Sampling, Every command",
		"mgd3 score": "Most used, Scores, Images, Sets of tensors, How images are read, Networks, Every command",
		"mgd3 evaluate": "Most used, Sets, Sets of tensors, Training, Teacher of soft labels, Run, Changes of the " +
			"protocol, " +
			"Every command",
		"mgd3 rank":    "Most used, Sets, Sets of tensors, Training, Teacher of soft labels, Every command",
		"mgd3 relabel": "Most used, Sets, Sets of tensors, Labels, Teacher of soft labels, Every command",
		"mgd3 train":   "Every command",
		"mgd3 cluster": "Every command",
		"mgd3 cluster kubernetes": "Most used, Kubernetes, Tasks, Evaluation, Images, How images are read, Networks, " +
			"Modes, " +
			"Sampling, Run, Every command",
		"mgd3 cluster slurm": "Most used, Slurm, Tasks, Evaluation, Images, How images are read, Networks, Modes, " +
			"Sampling, Run, " +
			"Every command",
		"mgd3 train autoencoder": "Most used, Images, Training, Run, Network and loss, Every command",
		"mgd3 train dit":         "Most used, Images, Training, Run, Network and loss, Every command",
		"mgd3 train unet":        "Most used, Images, Training, Run, Network and loss, Every command",
	}
	everyCommand((&env{}).root(), func(cmd *cobra.Command) {
		titles := headings(cmd)
		plain := "Flags, Every command"
		if !cmd.HasLocalFlags() {
			plain = "Every command"
		}
		got := strings.Join(titles, ", ")
		if w := cmp.Or(want[cmd.CommandPath()], plain); got != w && got != "Every command" {
			t.Errorf("%s: got the headings %s, want %s", cmd.CommandPath(), got, w)
		}
		delete(want, cmd.CommandPath())
	})
	if len(want) > 0 {
		t.Errorf("these commands are missing: %v", want)
	}
}
