package stage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"mgd3/stage/atomicfile"
	"mgd3/stage/seal"
	"mgd3/store"
)

// Found is what is at the place of something that is made under a key.
type Found int

const (
	Missing Found = iota // nothing
	Ours                 // it, made under the key: finished
	Other                // something made under another key
	Damaged              // something that is not as it was written
)

// Look says what is at a place. have returns the key of it; its error is a [fs.ErrNotExist] where there is
// nothing, and an [ErrDamaged], which is returned as the fault, where what is there is not as it was written.
func Look(key string, have func() (string, error)) (is Found, fault, err error) {
	there, err := have()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Missing, nil, nil
	case errors.Is(err, ErrDamaged) && !store.Failed(err):
		return Damaged, err, nil
	case err != nil:
		return Missing, nil, err
	case there != key:
		return Other, nil, nil
	}
	return Ours, nil, nil
}

// ReadRecord reads the JSON file that is written when all else of a piece of work is there, and so says that it is
// finished. One that is not JSON, or not as its checksum says if it has one, is an [ErrDamaged].
func ReadRecord(path string, v any) error {
	data, err := atomicfile.Read(path, atomicfile.MostText)
	if err != nil {
		return err
	}
	if _, err := seal.Check(data); err != nil {
		return fmt.Errorf("%q: %w", path, err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%q: %w: %s", path, ErrDamaged, NotJSON(err))
	}
	return nil
}
