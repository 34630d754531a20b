package distill

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"mgd3/stage"
)

// MergedSource is one of the finished sets that a set was put together from. What all of them have alike is in the
// manifest as well, the rest here alone.
type MergedSource struct {
	Manifest string          `json:"manifest_sha256"` // of its file
	Of       json.RawMessage `json:"of"`              // its manifest, without the classes
	Classes  []MergedClass   `json:"classes"`         // those that were taken of it
}

// MergedClass is a class that was taken of a set.
type MergedClass struct {
	Name   string `json:"name"`
	Images int    `json:"images"` // that were taken, the first ones
	From   int    `json:"from"`   // that it had
	// what became of the real images whose modes were left out: ByCentre or ByShare; "" where none was
	Sizes string `json:"masses,omitempty"`
}

// Imported says what a set was that no run made, and how its numbers were read; see package tensorset.
type Imported struct {
	Name   string   `json:"name"` // its file's or folder's, without folders
	Pixels string   `json:"pixels,omitempty"`
	Notes  []string `json:"notes,omitempty"`
}

// What becomes of the real images whose modes are left out.
const (
	ByCentre = "nearest" // they are counted for the mode that is kept and nearest to theirs
	ByShare  = "share"   // modes are not there any more: shared out in proportion to the cluster sizes that are kept
)

// whole reports whether the set is one that a run made, whose stages may lie beside it.
func (m *Manifest) whole() bool { return m.Merged == nil && m.Imported == nil && m.Reviewed == nil }

// mergedFaults says what the sources of a merged set have otherwise than its classes.
func (m *Manifest) mergedFaults() (faults []string) {
	if m.Merged == nil {
		return nil
	}
	taken := map[string]int{}
	for _, source := range m.Merged {
		for _, class := range source.Classes {
			taken[class.Name] += class.Images
		}
	}
	for _, class := range m.Classes {
		if n := taken[class.Name]; n != len(class.Images) {
			faults = append(faults, fmt.Sprintf("%s: class %q has %d images, its sources name %d", manifestName,
				class.Name, len(class.Images), n))
		}
		delete(taken, class.Name)
	}
	for _, source := range m.Merged {
		for _, class := range source.Classes {
			if _, ok := taken[class.Name]; ok {
				faults = append(faults, fmt.Sprintf("%s: its sources name a class %q, which it has not", manifestName,
					class.Name))
				delete(taken, class.Name)
			}
		}
	}
	return faults
}

// AreSets reports whether folders hold finished sets, and not the shards of one run, which [Merge] puts together.
func AreSets(dirs []string) bool {
	runs := 0
	var first samplesRecord
	for _, dir := range dirs {
		if _, err := ReadManifest(dir); err != nil {
			return false // a shard, perhaps, or what Merge says
		}
		var c samplesRecord
		if _, err := stage.ReadSettings(samplesDir(dir)); errors.Is(err, os.ErrNotExist) {
			continue // a set that no run made, or without what it was made from
		}
		if err := stage.ReadLocked(samplesDir(dir), &c); err != nil {
			return false // a damaged run, which Merge names
		}
		if c.Check() != nil {
			continue
		}
		if runs++; runs == 1 {
			first = c
		} else if name, _, _ := stage.DifferenceOf(c, first); name != "" {
			return true
		}
	}
	return runs < len(dirs)
}
