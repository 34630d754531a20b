package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// What the standard library and cobra say of files and command lines, in the words of the rest of the program.

// plain is an error's text, with what its file operations say put into words: "open x: no such file or directory"
// says which system call failed, and not what was expected.
func plain(err error) string {
	text := err.Error()
	for _, e := range leaves(err) {
		var op, path string
		var cause error
		switch e := e.(type) {
		case *fs.PathError:
			op, path, cause = e.Op, e.Path, e.Err
		case *os.LinkError:
			op, path, cause = e.Op, e.New, e.Err
		default:
			continue
		}
		text = strings.ReplaceAll(text, e.Error(), ofFile(op, strings.TrimSuffix(path, "/"), cause))
	}
	return text
}

// leaves returns all errors that err is made of.
func leaves(err error) []error {
	switch e := err.(type) {
	case *fs.PathError, *os.LinkError:
		return []error{e}
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return leaves(inner)
		}
	case interface{ Unwrap() []error }:
		var all []error
		for _, inner := range e.Unwrap() {
			all = append(all, leaves(inner)...)
		}
		return all
	}
	return nil
}

func ofFile(op, path string, cause error) string {
	switch {
	case errors.Is(cause, fs.ErrNotExist):
		return fmt.Sprintf("there is no file or folder %q", path)
	case errors.Is(cause, syscall.ENOTDIR):
		return fmt.Sprintf("%q: a file stands where a folder is wanted", path)
	case errors.Is(cause, syscall.ELOOP):
		return fmt.Sprintf("%q is a link that leads back to itself, by way of other links perhaps; want a file "+
			"or a folder", path)
	case errors.Is(cause, syscall.EISDIR):
		return fmt.Sprintf("%q is a folder, want a file", path)
	case op == "mkdir" && errors.Is(cause, fs.ErrExist):
		return fmt.Sprintf("%q is a file, want a folder", path)
	case errors.Is(cause, fs.ErrPermission):
		return fmt.Sprintf("%q: no permission to %s it", path, map[string]string{"mkdir": "make", "open": "open",
			"stat": "look at", "lstat": "look at"}[op])
	}
	return fmt.Sprintf("%q: %v", path, cause)
}

var (
	quoted       = regexp.MustCompile(`"([^"]+)"`)
	badValue     = regexp.MustCompile(`^invalid argument "(.*)" for "(?:-\w, )?--([\w-]+)" flag: .*(?:strconv\.|parse error|invalid (?:syntax|duration))`)
	wrongCommand = regexp.MustCompile(`^unknown command "(.*)" for "(.*)"`)
	wrongCount   = regexp.MustCompile(`^(accepts at most|accepts|requires at least) (\d+) arg\(s\), (?:only )?received (\d+)`)
)

// usage puts what cobra says of a command line into words, with the command's own usage as the hint.
func usage(cmd *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	line := fmt.Sprintf("%s; --help has all flags, and examples", useLine(cmd))
	if m := wrongCommand.FindStringSubmatch(text); m != nil {
		if cmd.HasSubCommands() {
			return fail(exitUsage, suggestion(cmd, text), fmt.Errorf("there is no command %q", m[1]))
		}
		return fail(exitUsage, line, fmt.Errorf("%q is one too many: %s takes flags alone", m[1], m[2]))
	}
	if strings.HasPrefix(text, "required flag(s)") {
		var names []string
		for _, m := range quoted.FindAllStringSubmatch(text, -1) {
			names = append(names, "--"+m[1])
		}
		return fail(exitUsage, line, fmt.Errorf("missing %s", strings.Join(names, " and ")))
	}
	if m := wrongCount.FindStringSubmatch(text); m != nil {
		wants := map[string]string{"accepts": "", "accepts at most": "at most ", "requires at least": "at least "}[m[1]]
		return fail(exitUsage, line, fmt.Errorf("%s wants %s%s besides its flags, got %s", cmd.CommandPath(), wants,
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
			return fmt.Sprintf(`did you mean "%s %s"? "mgd3 --help" lists the commands`, cmd.CommandPath(), names[0])
		}
	}
	return fmt.Sprintf(`"%s --help" lists the commands`, cmd.CommandPath())
}

// flagError puts what is said of a flag into words.
func flagError(cmd *cobra.Command, err error) error {
	hint := `"` + cmd.CommandPath() + ` --help" lists the flags`
	m := badValue.FindStringSubmatch(err.Error())
	if m == nil {
		return fail(exitUsage, hint, err)
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
	return fail(exitUsage, hint, fmt.Errorf("--%s is %q, want %s", m[2], m[1], want))
}
