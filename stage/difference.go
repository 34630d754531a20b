package stage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"mgd3/stage/seal"
)

// Difference compares two JSON objects and returns the dotted name of the first field that differs,
// in byte order, with its values; "" if there is none.
func Difference(a, b []byte) (name, inA, inB string) {
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

// DifferenceOf is [Difference] of the JSON of two values.
func DifferenceOf(a, b any) (name, inA, inB string) {
	textA, errA := json.Marshal(a)
	textB, errB := json.Marshal(b)
	if errA != nil || errB != nil {
		return "", "", "" // settings that were read can be written
	}
	return Difference(textA, textB)
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
