package weights

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"mgd3/stage/seal"
)

// RecordName is the file beside weights of a training of ours that says what they were made from. Its field "sha256"
// has the hashes of the weights files by their names; those of versions before have none.
const RecordName = "training.json"

// CheckRecord holds the file against the hash that the record beside it has, if any: another one is an ErrFormat. All
// of the file is read where there is a hash, else nothing.
func (f *File) CheckRecord(ctx context.Context) error {
	for _, s := range f.sources {
		if sum, err := f.recordedSum(s); err != nil {
			return err
		} else if sum != "" {
			_, err := f.SHA256(ctx)
			return err
		}
	}
	return nil
}

// recordedSum returns the SHA-256 that the record beside the file has of it; "" if there is none.
func (f *File) recordedSum(s *source) (string, error) {
	text, err := ReadText(f.in.FS, f.in.join(s.name, "..", RecordName))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if _, err := seal.Check(text); err != nil {
		return "", fmt.Errorf("%w: %q, which says what %q must be, %v", ErrFormat, RecordName, s.name, err)
	}
	var record struct {
		SHA256 map[string]string `json:"sha256"`
	}
	if err := UnmarshalJSON(text, &record); err != nil {
		var value json.RawMessage
		if json.NewDecoder(bytes.NewReader(text)).Decode(&value) != nil { // not even one value: no program's
			return "", fmt.Errorf("%w: %q, which says what %q must be, is damaged: %v", ErrFormat, RecordName, s.name,
				err)
		}
		return "", nil // of another program
	}
	return record.SHA256[filepath.Base(s.name)], nil
}
