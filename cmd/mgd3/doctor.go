package main

import (
	"github.com/spf13/cobra"

	"mgd3/internal/doctor"
	"mgd3/internal/exits"
	"mgd3/stage"
	"mgd3/weights/hub"
)

// doctorCmd is "mgd3 doctor". All facts are printed before the first that is wrong becomes the error, so that scripts
// get both.
func (e *env) doctorCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Tell what this machine has for mgd3, and what to do about what it lacks",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			var m doctor.Machine
			if c, err := hub.New(); err == nil {
				m.Cache = c.Cache
			} else {
				// that there is no cache is a fact among others
				m.Why = exits.Message(err)
			}
			r := m.Examine(stage.Version)
			backend := e.backend.Facts()
			r.Facts = append(backend, r.Facts...)
			if err := e.print(&r, r.Text); err != nil {
				return err
			}
			// the last fact of a backend is whether it could be opened
			code := exitFailed
			if backend[len(backend)-1].State == doctor.Problem {
				code = exitBackend
			}
			return fail(code, "what is marked WRONG has advice below it", r.Err())
		},
	}
}
