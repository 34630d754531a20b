// Package fault says what is at fault where something fails, of what the user gave: packages that know it mark their
// errors, and the command makes exit codes of the marks.
package fault

import "errors"

// Kind is what is at fault.
type Kind int

// The kinds.
const (
	Usage  Kind = iota + 1 // settings, which make no sense alone or together
	Input                  // images, or lists of classes
	Model                  // weights, or their configuration
	Output                 // the folder to write to
	Made                   // a file that this program made before, and may make again
)

// marked is an error with its kind, and the text that it had.
type marked struct {
	error
	kind Kind
}

func (m marked) Unwrap() error { return m.error }

// Of marks an error, if any.
func Of(kind Kind, err error) error {
	if err == nil {
		return nil
	}
	return marked{err, kind}
}

// KindOf returns the mark of an error, the outermost; 0 is none.
func KindOf(err error) Kind {
	var m marked
	errors.As(err, &m)
	return m.kind
}
