package export

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// object is one of JSON whose values stay as they are.
type object map[string]json.RawMessage

// mustJSON is JSON of a plain value.
func mustJSON(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Errorf("export: %w", err)) // numbers, strings and structs of them can be written
	}
	return data
}

// common is what two objects of JSON have alike, inner ones included. Lists are compared as a whole: a part of a list
// would be another one.
func common(a, b object) object {
	both := object{}
	for name, x := range a {
		y, ok := b[name]
		if !ok {
			continue
		}
		if equalJSON(x, y) {
			both[name] = x
			continue
		}
		var inA, inB object
		if json.Unmarshal(x, &inA) == nil && json.Unmarshal(y, &inB) == nil && inA != nil && inB != nil {
			both[name] = mustJSON(common(inA, inB))
		}
	}
	return both
}

// equalJSON compares two values but for their spaces.
func equalJSON(a, b json.RawMessage) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}
