package weights

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// ConfigFile is the file that describes a network, in the folder of its weights.
const ConfigFile = "config.json"

// ReadConfig returns the text of the [ConfigFile] that lies in the folder at a path, or beside the file there or the
// file whose section the path names, and where it lies; nil if there is none. Errors are those of [ReadText].
func ReadConfig(fsys fs.FS, at string) (text []byte, name string, err error) {
	at, _ = SplitSection(fsys, at)
	info, err := fs.Stat(fsys, at)
	if err != nil {
		return nil, "", err
	}
	if !info.IsDir() {
		at = path.Dir(at)
	}
	name = path.Join(at, ConfigFile)
	if text, err = ReadText(fsys, name); errors.Is(err, fs.ErrNotExist) {
		return nil, name, nil
	}
	return text, name, err
}

// ParseConfig returns what parse makes of the text that [ReadConfig] finds, nil if there is none. Errors name the file.
func ParseConfig[T any](fsys fs.FS, at string, parse func(text []byte) (T, error)) (*T, error) {
	text, name, err := ReadConfig(fsys, at)
	if text == nil || err != nil {
		return nil, err
	}
	c, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &c, nil
}

// ReadJSON reads a file into v, as [UnmarshalJSON] does, and reports whether there is one. Errors name the file.
func ReadJSON(fsys fs.FS, name string, v any) (found bool, err error) {
	text, err := ReadText(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return true, err
	}
	if err := UnmarshalJSON(text, v); err != nil {
		return true, fmt.Errorf("%s: %w", name, err)
	}
	return true, nil
}
