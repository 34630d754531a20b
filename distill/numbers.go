package distill

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"mgd3/internal/atomicfile"
	"mgd3/internal/seal"
	"mgd3/weights"
)

// ErrDamaged says that a file of the run is not as it was written. The next run makes it again.
var ErrDamaged = weights.ErrDamaged

// openNumbers opens a file of latents, modes or samples, and holds it against the checksum in it; sealed is false if it
// has none, as those of version 0.1.0's first days. What is not as it was written is an [ErrDamaged].
func openNumbers(path string) (f *weights.File, sealed bool, err error) {
	sealed, err = weights.CheckSeal(path)
	if err != nil {
		return nil, sealed, err
	}
	f, err = weights.Open(path)
	if errors.Is(err, weights.ErrFormat) {
		return nil, sealed, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err == nil && !sealed {
		if err = finite(f); err != nil {
			return nil, sealed, errors.Join(fmt.Errorf("%q: %w: %w", path, ErrDamaged, err), f.Close())
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

// state is what was found at the place of a file of numbers.
type state int

const (
	missing state = iota // nothing
	whole                // the file, made under the key
	stale                // a file made under another key
	damaged              // a file that is not as it was written
)

// stands reports what is at the place of a file of numbers that was made under key. Old says that it has no checksum; fault
// says what is wrong with a damaged one.
func stands(path, key string) (is state, old bool, fault, err error) {
	f, sealed, err := openNumbers(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return missing, false, nil, nil
	case errors.Is(err, ErrDamaged):
		return damaged, false, err, nil
	case err != nil:
		return missing, false, nil, atomicfile.Failed(path, err)
	}
	have := f.Metadata()["key"]
	if err := f.Close(); err != nil {
		return missing, false, nil, err
	}
	if have != key {
		return stale, !sealed, nil, nil
	}
	return whole, !sealed, nil, nil
}

// kept says whether the file of a class stands, and warns of what is made again, and why.
func (p *progress) kept(class, path, key string) (bool, error) {
	is, old, fault, err := stands(path, key)
	switch {
	case err != nil:
		return false, err
	case is == damaged:
		p.Warn(class, "%v: made again", fault)
	case is == stale:
		p.Warn(class, "%q was made of something else: made again", path)
	case is == whole && old:
		p.old++
	}
	return is == whole, nil
}

// end says of how many files the numbers could not be checked.
func (p *progress) end() {
	if p.old > 0 {
		p.Warn("", "%d files of an earlier version have no checksum: their numbers were taken as they are", p.old)
	}
}

// sealedJSON is v as the text of a settings file, with a checksum of it as its last fields.
func sealedJSON(v any) ([]byte, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, err
	}
	if n := len(text); n > 3 && string(text[n-2:]) == "\n}" {
		text = fmt.Appendf(text[:n-2], ",\n  %q: %q,\n  %q: %q\n}", seal.KeyOf, seal.Of, seal.Key, seal.Blank)
	}
	text = append(text, '\n')
	seal.Put(text)
	return text, nil
}

// readSettings reads a settings file. One that is not as it was written is an [ErrDamaged].
func readSettings(dir string) ([]byte, error) {
	path := filepath.Join(dir, settingsFile)
	data, err := atomicfile.Read(path, atomicfile.MostText)
	if err != nil {
		return nil, err
	}
	if _, err := seal.Check(data); err != nil {
		return data, fmt.Errorf("%q: %w", path, err)
	}
	if !json.Valid(data) {
		return data, fmt.Errorf("%q: %w: it is not JSON", path, ErrDamaged)
	}
	return data, nil
}

// claim is [Claim] of a stage's folder, and says so if it wrote a damaged file anew.
func (r *Run) claim(stage, dir string, v any, ours func() (bool, error)) error {
	healed, err := Claim(dir, v, ours)
	if err == nil && healed != nil {
		r.progress(stage, 0).Warn("", "%v: made again", healed)
	}
	return err
}
