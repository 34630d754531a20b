package stage

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
)

// Key names what a file was made from: the SHA-256 of the parts as JSON, hex. Files under the same
// key hold the same bytes.
func Key(parts ...any) string { return KeyAfter()(parts...) }

// KeyAfter returns Key(first, rest...) as a function of the rest, and hashes what comes first only once: a list of all
// classes, say.
func KeyAfter(first ...any) func(rest ...any) string {
	begun := sha256.New()
	addParts(begun, first)
	return func(rest ...any) string {
		h, err := begun.(hash.Cloner).Clone()
		if err != nil {
			panic(fmt.Errorf("stage: a key: %w", err)) // SHA-256 of the standard library can be cloned
		}
		addParts(h, rest)
		return hex.EncodeToString(h.Sum(nil))
	}
}

func addParts(h hash.Hash, parts []any) {
	for _, part := range parts {
		data, err := json.Marshal(part)
		if err != nil {
			panic(fmt.Errorf("stage: a key of %T: %w", part, err)) // only settings and strings come here
		}
		fmt.Fprintf(h, "%d:", len(data))
		h.Write(data)
	}
}
