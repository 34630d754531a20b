package distill

import (
	"errors"
	"fmt"

	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/weights"
)

// openNumbers opens a file of latents, modes or samples, and holds it against the checksum in it; sealed is false if it
// has none, as those of version 0.1.0's first days. What is not as it was written is an [stage.ErrDamaged].
func openNumbers(path string) (f *weights.File, sealed bool, err error) {
	sealed, err = weights.CheckSeal(path)
	if err != nil {
		return nil, sealed, err
	}
	f, err = weights.Open(path)
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

// made counts what stands at the places of files of numbers, to tell whose they are.
type made struct{ ours, all int }

// add counts the file at path, which is ours if it was made under key. What is damaged tells nothing.
func (m *made) add(path, key string) error {
	is, _, _, err := upToDate(path, key)
	if is == stage.Ours {
		m.ours++
	}
	if is == stage.Ours || is == stage.Other {
		m.all++
	}
	return err
}

// are reports whether the files are ours, or there are none: some may be old ones, which the run that wrote the
// folder makes anew.
func (m made) are() bool { return m.ours > 0 || m.all == 0 }

// upToDate reports what is at the place of a file of numbers that was made under key. Old says that it has no
// checksum; fault says what is wrong with a damaged one.
func upToDate(path, key string) (is stage.Found, old bool, fault, err error) {
	is, fault, err = stage.Look(key, func() (string, error) {
		f, sealed, err := openNumbers(path)
		if err != nil {
			return "", err
		}
		old = !sealed
		return f.Metadata()["key"], f.Close()
	})
	return is, old, fault, atomicfile.Failed(path, err)
}

// kept says whether the file of a class is up to date, and warns of what is made again, and why.
func (p *progress) kept(class, path, key string) (bool, error) {
	is, old, fault, err := upToDate(path, key)
	switch {
	case err != nil:
		return false, err
	case is == stage.Damaged:
		p.Warn(class, "%v: made again", fault)
	case is == stage.Other:
		p.Warn(class, "%q was made of something else: made again", path)
	case is == stage.Ours && old:
		p.old++
	}
	return is == stage.Ours, nil
}

// end says of how many files the numbers could not be checked.
func (p *progress) end() {
	if p.old > 0 {
		p.Warn("", "%d files of an earlier version have no checksum: their numbers were taken as they are", p.old)
	}
}

// lockSettings is [stage.LockSettings] of a stage's folder, and says so if it wrote a damaged file anew.
func (r *Run) lockSettings(name, dir string, v any, ours func() (bool, error)) error {
	healed, err := stage.LockSettings(dir, v, ours)
	if err == nil && healed != nil {
		r.progress(name, 0).Warn("", "%v: made again", healed)
	}
	return err
}
