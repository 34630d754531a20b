package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"mgd3/distill"
	"mgd3/internal/terminal"
	"mgd3/page"
	"mgd3/report"
)

// print prints what was asked for, as JSON or for people.
func (e *env) print(result any, text func(io.Writer) error) error {
	if e.json {
		return json.NewEncoder(e.stdout).Encode(result)
	}
	return text(e.stdout)
}

// show is print of what is said at the end, and not under --quiet.
func (e *env) show(result any, text func(io.Writer) error) error {
	// --json is what a program waits for: --quiet takes away only what is for people
	if e.quiet && !e.json {
		return nil
	}
	return e.print(result, text)
}

// printAll is print of a list, one JSON object a line.
func printAll[T any](e *env, list []T, text func(io.Writer) error) error {
	if !e.json {
		return text(e.stdout)
	}
	// an object a line, so that a reader need not wait for the end
	for _, result := range list {
		if err := json.NewEncoder(e.stdout).Encode(result); err != nil {
			return err
		}
	}
	return nil
}

// summary says what has come of a run; m is nil where other shards have yet to finish.
func (e *env) summary(ctx context.Context, out string, m *distill.Manifest) error {
	s := terminal.Summarize(ctx, out, m)
	return e.show(s, s.Text)
}

// say tells the user something, unless they asked for quiet.
func (e *env) say(format string, args ...any) {
	if !e.quiet && !e.json {
		fmt.Fprintf(e.stderr, "mgd3: "+format+"\n", args...)
	}
}

// sayText is say of a text.
func (e *env) sayText(text string) { e.say("%s", text) }

// sayAll tells the user what was made of a weights file that holds more than a network.
func (e *env) sayAll(notes []string) {
	for _, n := range notes {
		e.say("%s", n)
	}
}

// warn tells the user what may be wrong, whatever else is shown.
func (e *env) warn(format string, args ...any) {
	fmt.Fprintf(e.stderr, "mgd3: warning: "+format+"\n", args...)
}

// warnText is warn of a text.
func (e *env) warnText(text string) { e.warn("%s", text) }

// plotsFlag is for a paper.
func plotsFlag(f *pflag.FlagSet, dir *string) {
	f.StringVar(dir, "plots", "", "write each plot and each table of numbers as an SVG into `DIR` too")
}

// plot writes what is to be drawn of a result into dir; "" is nowhere.
func plot(dir string, r report.Result) error {
	_, err := page.Plots(dir, r)
	return fail(exitOutput, "", err)
}
