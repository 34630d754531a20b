// Command mgd3 distils image sets with a pre-trained diffusion model; see the README.
//
// main.go, root.go and options.go are the frame of all commands. flags_GROUP.go has a group of flags that several
// commands share. NAME.go is "mgd3 NAME": a function nameCmd with its flags, and one that runs it, which opens what is
// needed, calls the package that does the work, prints the result, and gives errors their exit codes and hints.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"mgd3/internal/cli"
	"mgd3/internal/exits"
	"mgd3/internal/terminal"
	"mgd3/store"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// grace is how long a command may take to stop after Ctrl-C. Whatever it is at then, its files are
// complete or not there, so it may be left as it is.
const grace = 700 * time.Millisecond

// patience is the grace of a task of a cluster, which waits for its command and speaks with the scheduler.
const patience = time.Minute

func graceOf(args []string) time.Duration {
	if len(args) > 1 && args[0] == "cluster" && args[1] == "task" {
		// the task's command first, and then Slurm: each has patience
		return 2 * patience
	}
	return grace
}

// run executes one command line and returns its exit code.
func run(args []string, stdout, stderr io.Writer) int {
	out := terminal.NewSink(stdout)
	err := cli.Interruptible(graceOf(args), func(ctx context.Context) error {
		if err := execute(ctx, args, out, stderr); err != nil {
			return err
		}
		// A write to a full disk or a closed pipe fails long before the command ends; only here is it looked at, so
		// that commands need not check each line that they print.
		return fail(exitOutput, "what the command printed is not complete", out.Failure())
	})
	var bug *cli.Bug
	if errors.As(err, &bug) {
		// A panic is shown as an error of one line, as all others: no stack reaches a user.
		err = fail(exits.Failed, "this is a bug in mgd3: please report it, with the command", bug)
	}
	if err == nil {
		return exitOK
	}
	if terminal.Is(stderr) {
		fmt.Fprint(stderr, "\r\x1b[K") // the line of progress may be open
	}
	// The one place where an error is printed. Names in it may have come from a stranger's file: bytes that steer a
	// terminal are taken out, and credentials of addresses too.
	code, hint := exits.Diagnose(err)
	fmt.Fprintf(stderr, "mgd3: error: %v\n", terminal.Printable(store.Shown(exits.Message(err))))
	if hint != "" {
		fmt.Fprintf(stderr, "mgd3: hint: %s\n", store.Shown(hint))
	}
	return code
}

// progress shows how a command goes on, as the flags of all commands say. Each call is a new one: it is asked for when
// the flags have been read, and not before.
func (e *env) progress() *terminal.Progress {
	return terminal.New(e.stdout, e.stderr, e.quiet, e.json, e.stages...)
}
