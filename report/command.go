package report

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"mgd3/store"
)

// Command is a command with its flags as a POSIX shell takes it: flags by their names, one with several values once for
// each, and paths in buckets by their addresses.
func Command(words []string, flags map[string][]string) string {
	var line []string
	for _, word := range words {
		line = append(line, quoted(store.Again(word)))
	}
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		for _, value := range flags[name] {
			switch value = store.Again(value); {
			case value == "true" || value == "false", strings.HasPrefix(value, "-"):
				line = append(line, quoted("--"+name+"="+value)) // a switch takes its value no other way
			default:
				line = append(line, "--"+name, quoted(value))
			}
		}
	}
	return strings.Join(line, " ")
}

// plain are words that no shell changes.
var plain = regexp.MustCompile(`^[\pL\pN_./:=,+@%-]+$`)

func quoted(word string) string {
	if plain.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// MadeBy names the command that makes the numbers of all tables, plots and confusions that have none yet.
func (r *Result) MadeBy(command string) {
	set := func(made *string) {
		if *made == "" {
			*made = command
		}
	}
	for i := range r.Tables {
		set(&r.Tables[i].Command)
	}
	for i := range r.Plots {
		set(&r.Plots[i].Command)
	}
	for i := range r.Confusions {
		set(&r.Confusions[i].Command)
	}
}
