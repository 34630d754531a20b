package weights

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// RecordName is the file beside weights of a training of ours that says what they were made from. Its field "sha256" has
// the hashes of the weights files by their names; those of versions before have none.
const RecordName = "training.json"

// recordedSum returns the SHA-256 that the record beside the file has of it; "" if there is none.
func (f *File) recordedSum(s *source) (string, error) {
	text, err := ReadText(f.in.FS, f.in.join(s.name, "..", RecordName))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var record struct {
		SHA256 map[string]string `json:"sha256"`
	}
	if UnmarshalJSON(text, &record) != nil { // of another program
		return "", nil
	}
	return record.SHA256[filepath.Base(s.name)], nil
}
