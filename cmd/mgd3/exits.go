package main

import (
	"mgd3/internal/exits"
	"mgd3/internal/fault"
)

// The exit codes and what errors mean are in package exits; these are its names here. A code is part of what the
// program promises to scripts: none gets another meaning (docs/exit-codes.md).
const (
	exitOK        = exits.OK
	exitFailed    = exits.Failed
	exitUsage     = exits.Usage
	exitInput     = exits.Input
	exitModel     = exits.Model
	exitOutput    = exits.Output
	exitBackend   = exits.Backend
	exitVerify    = exits.Verify
	exitHub       = exits.Hub
	exitScheduler = exits.Scheduler

	remake = exits.Remake
)

// fail is nil where err is, so that a last line may return it.
func fail(code int, hint string, err error) error { return exits.Fail(code, hint, err) }

// ofSet marks an error as one of the images, or of a list of classes.
func ofSet(err error) error { return fault.Of(fault.Input, err) }

// unreadable is for commands without --skip-bad.
func unreadable(err error) error { return exits.Unreadable(err) }
