package cli

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

var (
	// cobra and pflag have no types for most of their errors: what they say is read, and what is not known is passed on
	// as it is. TestUsage holds the texts of the version in go.mod.
	quoted   = regexp.MustCompile(`"([^"]+)"`)
	badValue = regexp.MustCompile(`^invalid argument "(.*)" for "(?:-\w, )?--([\w-]+)" flag: ` +
		`.*(?:strconv\.|parse error|invalid (?:syntax|duration))`)
	unknownFlag  = regexp.MustCompile(`^unknown flag: --([^=]+)`)
	unknownShort = regexp.MustCompile(`^unknown shorthand flag: '.' in -([^=]+)`)
	wrongCommand = regexp.MustCompile(`^unknown command "(.*)" for "(.*)"`)
	wrongCount   = regexp.MustCompile(`^(accepts at most|accepts|requires at least) (\d+) arg\(s\), (?:only ` +
		`)?received (\d+)`)
)

// Mistake is an error of a command line, with advice.
type Mistake struct {
	Err  error
	Hint string
}

func (m *Mistake) Error() string { return m.Err.Error() }

func (m *Mistake) Unwrap() error { return m.Err }

func mistake(hint string, err error) error { return &Mistake{err, hint} }

// Usage puts what cobra says of a command line into words, with the command's own usage as
// the hint: a [*Mistake], or err if it is of something else.
func Usage(cmd *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	line := fmt.Sprintf("%s; --help has all flags, and examples", useLine(cmd))
	if m := wrongCommand.FindStringSubmatch(text); m != nil {
		if cmd.HasSubCommands() {
			return mistake(suggestion(cmd, text), fmt.Errorf("there is no command %q", m[1]))
		}
		return mistake(line, fmt.Errorf("%q is one too many: %s takes flags alone", m[1], m[2]))
	}
	if strings.HasPrefix(text, "required flag(s)") {
		var names []string
		for _, m := range quoted.FindAllStringSubmatch(text, -1) {
			names = append(names, "--"+m[1])
		}
		return mistake(line, fmt.Errorf("missing %s", strings.Join(names, " and ")))
	}
	if m := wrongCount.FindStringSubmatch(text); m != nil {
		wants := map[string]string{"accepts": "", "accepts at most": "at most ", "requires at least": "at least "}[m[1]]
		return mistake(line, fmt.Errorf("%s wants %s%s besides its flags, got %s", cmd.CommandPath(), wants,
			arguments(m[2]), m[3]))
	}
	return err
}

func arguments(n string) string {
	if n == "1" {
		return "1 argument"
	}
	return n + " arguments"
}

// useLine is how a command is used, from the name of the program on.
func useLine(cmd *cobra.Command) string {
	if cmd.HasParent() {
		return cmd.Parent().CommandPath() + " " + cmd.Use
	}
	return cmd.Use
}

// suggestion names the command that was meant, if any is near.
func suggestion(cmd *cobra.Command, text string) string {
	if _, near, ok := strings.Cut(text, "Did you mean this?"); ok {
		if names := strings.Fields(near); len(names) > 0 {
			return fmt.Sprintf(`did you mean "%s %s"? "%s --help" lists the commands`, cmd.CommandPath(), names[0],
				cmd.Root().Name())
		}
	}
	return fmt.Sprintf(`"%s --help" lists the commands`, cmd.CommandPath())
}

// FlagError puts what is said of a flag into words: a [*Mistake].
func FlagError(cmd *cobra.Command, err error) error {
	hint := `"` + cmd.CommandPath() + ` --help" lists the flags`
	if m := unknownFlag.FindStringSubmatch(err.Error()); m != nil {
		if name := meant(cmd, m[1]); name != "" {
			hint = fmt.Sprintf("did you mean --%s? %s", name, hint)
		}
		return mistake(hint, fmt.Errorf("there is no flag --%s", m[1]))
	}
	if m := unknownShort.FindStringSubmatch(err.Error()); m != nil {
		if name := meant(cmd, m[1]); len(m[1]) > 1 && name != "" {
			hint = fmt.Sprintf("flags have two hyphens: did you mean --%s? %s", name, hint)
		}
		return mistake(hint, fmt.Errorf("there is no flag -%s", m[1]))
	}
	m := badValue.FindStringSubmatch(err.Error())
	if m == nil {
		return mistake(hint, err)
	}
	want := "a number"
	if f := cmd.Flags().Lookup(m[2]); f != nil {
		switch f.Value.Type() {
		case "int", "N":
			want = "a whole number"
		case "uint64", "uint":
			want = "a whole number of at least 0"
		case "intSlice":
			want = "whole numbers with commas between them"
		case "bool":
			want = "true or false"
		case "duration":
			want = "a time such as 30s or 5m"
		}
	}
	return mistake(hint, fmt.Errorf("--%s is %q, want %s", m[2], m[1], want))
}
