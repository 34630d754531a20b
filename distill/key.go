package distill

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"mgd3/internal/atomicfile"
	"mgd3/internal/seal"
)

// ErrOther says that an output folder holds a run with other settings.
var ErrOther = errors.New("holds another run")

// settingsFile stands in the folder of each stage and says what the stage was made with.
const settingsFile = "settings.json"

// ErrUnclear says that a settings file is damaged, and that nothing shows which settings it was of.
var ErrUnclear = errors.New("nothing in the folder shows that it was of these settings")

// Claim writes v as settings.json to a folder, or compares it with what stands there: a difference is an
// [ErrOther] that names the first setting that differs.
//
// A file that is damaged is written anew, and the damage returned, where what is left of it shows that it was of the same settings,
// or where ours says that what was made in the folder is, or that there is nothing; else it is an [ErrDamaged] and an [ErrUnclear].
func Claim(dir string, v any, ours func() (bool, error)) (healed, err error) {
	path := filepath.Join(dir, settingsFile)
	want, err := sealedJSON(v)
	if err != nil {
		return nil, err
	}
	have, err := readSettings(dir)
	if errors.Is(err, os.ErrNotExist) { // shards that start together come here together
		unlock, errLock := atomicfile.Wait(context.Background(), path)
		if errLock != nil {
			return nil, errLock
		}
		defer unlock()
		have, err = readSettings(dir)
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
	if name, there, here := difference(have, want); name != "" {
		return nil, fmt.Errorf("%q %w: %s is %s there and %s here", dir, ErrOther, name, there, here)
	}
	return nil, nil
}

// made counts what stands at the places of files of numbers, to tell whose they are.
type made struct{ ours, all int }

// add counts the file at path, which is ours if it was made under key. What is damaged tells nothing.
func (m *made) add(path, key string) error {
	is, _, _, err := stands(path, key)
	if is == whole {
		m.ours++
	}
	if is == whole || is == stale {
		m.all++
	}
	return err
}

// are reports whether the files are ours, or there are none: some may be old ones, which the run that wrote the folder makes anew.
func (m made) are() bool { return m.ours > 0 || m.all == 0 }

// sameBut reports whether a damaged settings file was want: its settings are, or its checksum is, and one that is not
// has few bytes changed.
func sameBut(have, want []byte) bool {
	if name, _, _ := difference(have, want); name == "" && json.Valid(have) {
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

// readClaim reads what Claim wrote to the stage's folder, or says [ErrStage].
func readClaim(dir string, v any) error {
	path := filepath.Join(dir, settingsFile)
	data, err := readSettings(dir)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: there is no %q", ErrStage, path)
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%q: %w: %s", path, ErrDamaged, notJSON(err))
	}
	return nil
}

// difference compares two JSON objects and returns the dotted name of the first field that differs,
// in byte order, with its values; "" if there is none.
func difference(a, b []byte) (name, inA, inB string) {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return "the file", "not JSON", "JSON"
	}
	for _, object := range []any{x, y} {
		if o, ok := object.(map[string]any); ok { // older files have no seal
			delete(o, seal.Key)
			delete(o, seal.KeyOf)
		}
	}
	return differ("", x, y)
}

// differenceOf is [difference] of the JSON of two values.
func differenceOf(a, b any) (name, inA, inB string) {
	textA, errA := json.Marshal(a)
	textB, errB := json.Marshal(b)
	if errA != nil || errB != nil {
		return "", "", "" // settings that were read can be written
	}
	return difference(textA, textB)
}

func differ(name string, a, b any) (string, string, string) {
	x, okX := a.(map[string]any)
	y, okY := b.(map[string]any)
	if !okX || !okY {
		if reflect.DeepEqual(a, b) {
			return "", "", ""
		}
		return name, text(a), text(b)
	}
	keys := slices.Concat(slices.Collect(maps.Keys(x)), slices.Collect(maps.Keys(y)))
	slices.Sort(keys)
	for _, k := range slices.Compact(keys) {
		inner := k
		if name != "" {
			inner = name + "." + k
		}
		if at, inA, inB := differ(inner, x[k], y[k]); at != "" {
			return at, inA, inB
		}
	}
	return "", "", ""
}

// text is v as short JSON.
func text(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	const most = 80
	s := string(bytes.TrimSpace(b.Bytes()))
	if len(s) > most {
		s = s[:most] + "…"
	}
	return s
}
