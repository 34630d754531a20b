package review

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"

	"mgd3/distill"
	"mgd3/export"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
)

// Candidate is an image that was made again.
type Candidate struct {
	ID    string                `json:"id"`
	Class string                `json:"class"`
	Entry distill.ManifestImage `json:"entry"` // as the manifest of a run with these settings has it
	How   distill.Remade        `json:"how"`
}

var id = regexp.MustCompile(`^[0-9a-f]{24}$`)

func isID(text string) bool { return id.MatchString(text) }

// IDOf names what an image is made of: a class's mode, and how.
func IDOf(class string, mode int, how distill.Remade) string {
	return stage.Key(class, mode, how.Settings, how.Modes, how.Backend, how.Batch)[:24]
}

func (j *Journal) candidates() string { return filepath.Join(Dir(j.set), "candidates") }

// class is one of the manifest.
func (j *Journal) class(name string) (distill.ManifestClass, error) {
	at := slices.IndexFunc(j.manifest.Classes, func(c distill.ManifestClass) bool { return c.Name == name })
	if at < 0 {
		return distill.ManifestClass{}, fmt.Errorf("the set has no class %q", name)
	}
	return j.manifest.Classes[at], nil
}

// Add keeps an image that was made again. One that is there already is as good.
func (j *Journal) Add(class string, d *distill.Redrawn) (Candidate, error) {
	c := Candidate{ID: IDOf(class, d.Entry.Mode, d.How), Class: class, Entry: d.Entry, How: d.How}
	of, err := j.class(class)
	if err != nil {
		return c, err
	}
	if err := d.Write(filepath.Join(j.candidates(), c.ID), j.manifest, of, d.Entry.File); err != nil {
		return c, err
	}
	return c, atomicfile.WriteJSON(filepath.Join(j.candidates(), c.ID+".json"), c) // last: it says that all is there
}

// Candidate reads what is known of an image that was made again.
func (j *Journal) Candidate(id string) (c Candidate, err error) {
	if !isID(id) {
		return c, fmt.Errorf("the candidate is %.40q, want 24 hex digits", id)
	}
	path := filepath.Join(j.candidates(), id+".json")
	data, err := atomicfile.Read(path, atomicfile.MostText)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(data, &c); err != nil || c.ID != id {
		return c, fmt.Errorf("%q: %w: it is not that of candidate %s", path, stage.ErrDamaged, id)
	}
	return c, nil
}

// Redrawn reads the image of a candidate, and holds it against its checksums and its settings.
func (j *Journal) Redrawn(id string) (*distill.Redrawn, error) {
	c, err := j.Candidate(id)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(j.candidates(), id)
	if _, err := c.Entry.Path(dir); err != nil {
		return nil, err
	}
	of, err := j.class(c.Class)
	if err != nil {
		return nil, err
	}
	return distill.ReadRedrawn(dir, j.manifest, of, c.Entry, c.How)
}

// Write makes a new set of what is decided now, see [export.Review].
func (j *Journal) Write(ctx context.Context, out string) (notes []string, err error) {
	decided := map[string]export.Decided{}
	for _, d := range j.Decisions() {
		if d.Verdict == Open {
			continue
		}
		e := export.Decided{Verdict: d.Verdict, Reason: d.Reason}
		if d.Verdict == distill.Replace {
			if e.By, err = j.Redrawn(d.Candidate); err != nil {
				return nil, fmt.Errorf("%q: what replaces it: %w", d.File, err)
			}
		}
		decided[d.File] = e
	}
	unlock, err := stage.LockReading(j.set)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return export.Review(ctx, j.set, out, decided)
}
