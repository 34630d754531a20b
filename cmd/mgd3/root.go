package main

import (
	"context"
	"embed"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"mgd3/engine"
	"mgd3/internal/backends"
	"mgd3/internal/cli"
	"mgd3/internal/completion"
	"mgd3/internal/exits"
	"mgd3/internal/terminal"
	"mgd3/sets"
	"mgd3/stage"
	"mgd3/store"
)

// texts are the long texts and the examples of all commands.
//
//go:embed help
var texts embed.FS

// env is what every command is given.
type env struct {
	// stdout is for results alone, so that a pipe gets nothing else; progress, notes and warnings go to stderr
	stdout, stderr io.Writer
	backend        backends.Choice
	quiet, json    bool
	stages         []string // of the command, where its progress counts them
	sets           sets.Opener
}

// execute runs one command line.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	// Both may be one terminal: what is printed must go above the line of progress, which is drawn again below it.
	stderr = terminal.NewScreen(cli.Shown{Writer: stderr}, os.Getenv)
	stdout = terminal.Above(cli.Shown{Writer: stdout}, stderr)
	e := &env{stdout: stdout, stderr: stderr}
	defer store.Tell(func(line string) { e.warnText(terminal.Printable(line)) })() // above the line of progress
	// The same three ways for all commands to say what was seen in a set: as an event, for --json too; as a warning; as
	// a note that --quiet leaves out.
	e.sets.PassedOver = func(text string) { e.progress().Warn(text) }
	e.sets.Warn = e.warnText
	e.sets.Note = e.sayText
	root := e.root()
	completion.Add(root, args)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	// Notes of images are counted while they are read, and said once, at the end, after an error too.
	for _, note := range e.sets.ImageNotes() {
		e.progress().Warn(note)
	}
	return exits.Mistaken(cli.Usage(cmd, err))
}

// check looks at the flags of any command before it runs.
func (e *env) check(cmd *cobra.Command, args []string) error {
	for _, name := range cli.Empty(cmd) {
		e.warn("--%s is given with nothing in it, as if it were left out: is a variable of the shell empty?", name)
	}
	if err := cli.Addresses(cmd, args); err != nil {
		return err
	}
	return cli.Apart(cmd, args)
}

// root is the command "mgd3" with all others below it.
func (e *env) root() *cobra.Command {
	root := &cobra.Command{
		Use:               "mgd3",
		Short:             "Distil an image set into a few synthetic images per class",
		Version:           stage.Version,
		PersistentPreRunE: e.check,
		SilenceErrors:     true,
		SilenceUsage:      true,
	}
	// cobra neither prints an error nor the usage: run does, with the hint and the exit code
	root.SetFlagErrorFunc(cli.FlagError)
	flags := root.PersistentFlags()
	flags.StringVar(&e.backend.Name, "backend", "cpu", "compute `BACKEND`: "+strings.Join(engine.Names(), ", ")+
		"; xla:cuda and the like choose a plugin")
	flags.StringVar(&e.backend.Plugin, "plugin", "",
		"the PJRT plugin of --backend xla is `FILE`; \"mgd3 backends\" lists those that are found without it")
	flags.BoolVarP(&e.quiet, "quiet", "q", false, "no progress, and no summary of what lies in --out")
	flags.BoolVar(&e.json, "json", false, "print events and results as JSON, one object a line")
	flags.BoolVar(&e.sets.Strict, "strict", false, "whatever is passed over in an image set is an error")
	flags.BoolVar(&e.sets.FollowLinks, "follow-links", true,
		"follow links that lead out of the folder of an image set; --follow-links=false makes them errors")
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { cli.WriteHelp(cmd.OutOrStdout(), cmd, cli.Width()) })
	// in the order in which most people come to need them
	for _, g := range []struct {
		title    string
		commands []*cobra.Command
	}{
		{"Start", []*cobra.Command{e.demoCmd(), e.distillCmd(), e.pullCmd(), e.sheetCmd(), e.pageCmd(), e.serveCmd(),
			e.verifyCmd(), e.exportCmd(),
			e.presetsCmd()}},
		{"Judge", []*cobra.Command{e.evaluateCmd(), e.rankCmd(), e.relabelCmd(), e.scoreCmd(), e.baselineCmd(),
			e.compareCmd(), e.sweepCmd(), e.refineCmd()}},
		{"Run at scale, stage by stage", []*cobra.Command{e.encodeCmd(), e.embedCmd(), e.modesCmd(), e.sampleCmd(),
			e.mergeCmd(),
			e.clusterCmd(), e.doctorCmd(), e.backendsCmd(), e.benchCmd()}},
		{"Models and files", []*cobra.Command{e.trainCmd(), e.convertCmd(), e.inspectCmd(), e.glyphsCmd()}},
	} {
		root.AddGroup(&cobra.Group{ID: g.title, Title: g.title + ":"})
		for _, cmd := range g.commands {
			cmd.GroupID = g.title
			root.AddCommand(cmd)
		}
	}
	help, err := fs.Sub(texts, "help")
	if err != nil {
		panic(err) // it is embedded
	}
	// at last, when all commands are there: it finds their files by their names
	cli.Texts(root, help)
	return root
}
