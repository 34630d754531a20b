package terminal

import (
	"fmt"
	"io"
	"slices"
)

// Faults are what distill.Verify found.
type Faults struct {
	Faults    []string `json:"faults"`
	Unchecked []string `json:"unchecked"`
}

// NewFaults are these, none of them nil, so that JSON has lists.
func NewFaults(faults, unchecked []string) Faults {
	return Faults{append([]string{}, faults...), append([]string{}, unchecked...)}
}

// Text writes them for people, each in a line.
func (f Faults) Text(w io.Writer) error {
	for _, line := range slices.Concat(f.Faults, f.Unchecked) {
		if _, err := fmt.Fprintln(w, Printable(line)); err != nil {
			return err
		}
	}
	return nil
}
