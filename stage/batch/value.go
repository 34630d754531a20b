package batch

import (
	"fmt"
	"strconv"
)

// Value is a number of rows, or [Auto], as a flag has it.
type Value int

// Type is what --help calls the value.
func (v *Value) Type() string { return "N" }

func (v *Value) String() string {
	if *v == Auto {
		return "auto"
	}
	return strconv.Itoa(int(*v))
}

// Set reads a number from 1 on, or auto.
func (v *Value) Set(s string) error {
	if s == "auto" {
		*v = Auto
		return nil
	}
	n, err := strconv.Atoi(s)
	if err == nil && n < 1 {
		err = fmt.Errorf("batch is %d, want at least 1, or auto", n)
	}
	*v = Value(n)
	return err
}
