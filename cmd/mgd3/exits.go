package main

import (
	"mgd3/internal/exits"
	"mgd3/internal/fault"
)

// The exit codes and what errors mean are in package exits; these are its names here.
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

func fail(code int, hint string, err error) error { return exits.Fail(code, hint, err) }

func ofSet(err error) error { return fault.Of(fault.Input, err) }

func unreadable(err error) error { return exits.Unreadable(err) }
