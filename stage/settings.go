package stage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"mgd3/stage/atomicfile"
	"mgd3/stage/seal"
)

// ErrDamaged says that a file is not as it was written. The next run makes it again.
var ErrDamaged = seal.ErrDamaged

// ErrOther says that an output folder holds a run with other settings.
var ErrOther = errors.New("holds another run")

// SettingsFile is in the folder of each stage and says what the stage was made with.
const SettingsFile = "settings.json"

// ErrUnclear says that a settings file is damaged, and that nothing shows which settings it was of.
var ErrUnclear = errors.New("nothing in the folder shows that it was of these settings")

// LockSettings writes v as settings.json to a folder, or compares it with what is there: a difference is an
// [ErrOther] that names the first setting that differs.
//
// A file that is damaged is written anew, and the damage returned, where what is left of it shows that it was of the
// same settings, or where ours says that what was made in the folder is, or that there is nothing; else it is an
// [ErrDamaged] and an [ErrUnclear].
func LockSettings(dir string, v any, ours func() (bool, error)) (healed, err error) {
	path := filepath.Join(dir, SettingsFile)
	want, err := seal.JSON(v, "  ")
	if err != nil {
		return nil, err
	}
	have, err := ReadSettings(dir)
	if errors.Is(err, os.ErrNotExist) { // shards that start together come here together
		unlock, errLock := atomicfile.Wait(context.Background(), path)
		if errLock != nil {
			return nil, errLock
		}
		defer unlock()
		have, err = ReadSettings(dir)
	}
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, atomicfile.WriteBytes(path, want)
	case errors.Is(err, ErrDamaged):
		same := sameBut(have, want)
		if !same {
			var errOurs error
			if same, errOurs = ours(); errOurs != nil {
				return nil, errOurs
			}
		}
		if !same {
			return nil, fmt.Errorf("%w, and %w", err, ErrUnclear)
		}
		return err, atomicfile.WriteBytes(path, want)
	case err != nil:
		return nil, err
	}
	if name, there, here := Difference(have, want); name != "" {
		return nil, fmt.Errorf("%q %w: %s is %s there and %s here", dir, ErrOther, name, there, here)
	}
	return nil, nil
}

// sameBut reports whether a damaged settings file was want: its settings are, or its checksum is, and one that is not
// has few bytes changed.
func sameBut(have, want []byte) bool {
	if name, _, _ := Difference(have, want); name == "" && json.Valid(have) {
		return true
	}
	if len(have) != len(want) {
		return false
	}
	const few = 8
	changed := 0
	for i := range have {
		if have[i] != want[i] {
			changed++
		}
	}
	return changed <= few && bytes.Contains(have, want[bytes.LastIndexByte(want, ':'):])
}

// ErrStage says that an earlier stage has not been run.
var ErrStage = errors.New("an earlier stage has not been run")

// ReadLocked reads what LockSettings wrote to the stage's folder, or says [ErrStage].
func ReadLocked(dir string, v any) error {
	path := filepath.Join(dir, SettingsFile)
	data, err := ReadSettings(dir)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: there is no %q", ErrStage, path)
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%q: %w: %s", path, ErrDamaged, NotJSON(err))
	}
	return nil
}

// ReadSettings reads a settings file. One that is not as it was written is an [ErrDamaged].
func ReadSettings(dir string) ([]byte, error) {
	path := filepath.Join(dir, SettingsFile)
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

// NotJSON says what is wrong with a text that should be the JSON of a type, without Go's own words for types.
func NotJSON(err error) string {
	if e := (*json.UnmarshalTypeError)(nil); errors.As(err, &e) {
		return fmt.Sprintf("%q cannot be %s", e.Field, e.Value)
	}
	return fmt.Sprintf("it is not JSON: %v", err)
}
