package compare

import (
	"errors"
	"fmt"
	"path/filepath"

	"mgd3/evaluate"
	"mgd3/internal/fault"
	"mgd3/sets"
)

// TestOf completes the names of the set to distil and the set to test on: without a path, the latter is of the same
// set, and the glyphs have parts of their own. The parts must differ. Else test is as data.
func TestOf(data *sets.Spec, path, split string, limit int) (test sets.Spec, err error) {
	if data.Path == sets.Glyphs && data.Split == "" {
		data.Split = "train"
	}
	test = *data
	if path != "" {
		test.Path = path
	}
	test.Split, test.Limit = split, limit
	if test.Path == sets.Glyphs && test.Split == "" {
		test.Split = "test"
	}
	if filepath.Clean(test.Path) == filepath.Clean(data.Path) && test.Split == data.Split {
		err = errors.New("the networks would be tested on the images that the sets are made of: give --test " +
			"another set, or --test-split another split")
	}
	return test, fault.Of(fault.Usage, err)
}

// CheckAsked finds a comparison that cannot be made, before anything is opened.
func (o Options) CheckAsked() error {
	err := evaluate.CheckNames(o.Nets)
	switch {
	case o.Protocol != "hard" && o.Protocol != "quick":
		err = fmt.Errorf("--protocol is %q, want hard or quick", o.Protocol)
	case err == nil && len(o.IPCs) == 0:
		err = errors.New("--ipc is empty, want at least one number")
	}
	return fault.Of(fault.Usage, err)
}

// CheckOn finds a place to test the networks of a sweep on that is none, or has no set, or a set for no place.
func CheckOn(on string, hasTest bool) (err error) {
	switch {
	case on != OnHeldOut && on != OnTest:
		err = fmt.Errorf("--on is %q, want %s or %s", on, OnHeldOut, OnTest)
	case (on == OnTest) != hasTest:
		err = errors.New("--on test and --test go together")
	}
	return fault.Of(fault.Usage, err)
}
