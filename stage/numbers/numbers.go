// Package numbers is for the files of numbers that the stages of a run keep: latents, modes, samples. Each holds the
// key of what it was made of, and a checksum; those of version 0.1.0's first days have no checksum.
package numbers

import (
	"errors"
	"fmt"

	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/weights"
)

// Open opens a file of numbers and holds it against the checksum in it; sealed is false if it has none: then all its
// numbers must be finite. What is not as it was written is an [stage.ErrDamaged].
func Open(path string) (f *weights.File, sealed bool, err error) {
	f, sealed, err = weights.OpenSealed(path)
	if errors.Is(err, weights.ErrFormat) {
		return nil, sealed, fmt.Errorf("%w: %w", stage.ErrDamaged, err)
	}
	if err == nil && !sealed {
		if err = finite(f); err != nil {
			return nil, sealed, errors.Join(fmt.Errorf("%q: %w: %w", path, stage.ErrDamaged, err), f.Close())
		}
	}
	return f, sealed, err
}

// finite names the first number that is none: all that can be known of a file without a checksum.
func finite(f *weights.File) error {
	for _, name := range f.Names() {
		t, err := f.Tensor(name)
		if err != nil || t.DType != "F32" {
			continue // what has another type, whoever reads it says
		}
		values, err := t.Float32s()
		if err != nil {
			return err
		}
		for i, v := range values {
			if v-v != 0 {
				return fmt.Errorf("tensor %q has %v at %d, want finite numbers", name, v, i)
			}
		}
	}
	return nil
}

// Tally counts what is at the places of files, to tell whose they are.
type Tally struct{ ours, all int }

// Add counts the file at path, which is ours if it was made under key. What is damaged tells nothing.
func (m *Tally) Add(path, key string) error {
	is, _, _, err := Look(path, key)
	if is == stage.Ours {
		m.ours++
	}
	if is == stage.Ours || is == stage.Other {
		m.all++
	}
	return err
}

// Ours reports whether files are ours, or there are none: some may be old ones, which the run that wrote the folder
// makes anew.
func (m Tally) Ours() bool { return m.ours > 0 || m.all == 0 }

// Look reports what is at the place of a file that is made under key. old says that it has no checksum; fault says what
// is wrong with a damaged one.
func Look(path, key string) (is stage.Found, old bool, fault, err error) {
	is, fault, err = stage.Look(key, func() (string, error) {
		f, sealed, err := Open(path)
		if err != nil {
			return "", err
		}
		old = !sealed
		return f.Metadata()["key"], f.Close()
	})
	return is, old, fault, atomicfile.Failed(path, err)
}
