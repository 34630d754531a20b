package main

import "mgd3/internal/exits"

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

func ofSet(err error) error { return exits.OfSet(err) }

func unreadable(err error) error { return exits.Unreadable(err) }
