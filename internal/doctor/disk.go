package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// disk tells the room, and whether mgd3 may write, where it writes: here, in the folder for what is temporary, and in
// the cache of what was fetched from the hub.
func (m Machine) disk() []Fact {
	here, err := os.Getwd()
	if err != nil {
		here = "."
	}
	facts := []Fact{folder("this folder", here, "go to a folder of your own, or give --out one")}
	facts = append(facts, folder("temporary files", os.TempDir(), "TMPDIR names another folder"))
	if m.Cache == "" {
		return append(facts, Fact{Area: "disk", Name: "cache of pull", State: Problem, Value: m.Why,
			Advice: "HF_HOME names a folder for it"})
	}
	return append(facts, folder("cache of pull", m.Cache, "HF_HOME names another folder"))
}

// folder is the room of a folder, or of the nearest one above it that is there already.
func folder(name, path, elsewhere string) Fact {
	f := Fact{Area: "disk", Name: name, State: Good}
	at, made := path, ""
	for {
		info, err := os.Stat(at)
		if err == nil && info.IsDir() {
			break
		}
		if parent := filepath.Dir(at); errors.Is(err, fs.ErrNotExist) && parent != at {
			at, made = parent, ", which is made when it is needed"
			continue
		}
		f.State, f.Value, f.Advice = Problem, fmt.Sprintf("%q is no folder", at), elsewhere
		return f
	}
	if !writable(at) {
		f.State, f.Value, f.Advice = Problem, fmt.Sprintf("%q cannot be written", at), elsewhere
		return f
	}
	free, known := freeBytes(at)
	if !known {
		f.Value = fmt.Sprintf("%q%s; its room is not known on this system", path, made)
		return f
	}
	f.Value, f.Number = fmt.Sprintf("%s free in %q%s", size(free), path, made), free
	switch { // a DiT-XL/2 with its autoencoder is 3 GB
	case free < 64<<20:
		f.State, f.Advice = Problem, "make room, or "+elsewhere
	case free < 5<<30:
		f.State, f.Advice = Tight, "published models have 1 to 7 GB: make room, or "+elsewhere
	}
	return f
}
