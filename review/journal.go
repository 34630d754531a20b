// Package review keeps what somebody decides about the images of a set, and makes a new set of it. The set itself is
// never changed; everything lies in a folder beside it:
//
//	SET-review/decisions.jsonl           the journal: a line for the set, then one for each decision, the last of an
//	                                     image counts
//	SET-review/candidates/ID.json        an image that was made again, of which ID names all that its bytes depend on
//	SET-review/candidates/ID/…           its files, as a reviewed set has them
//
// A line is in the journal when it is on the disk; what a killed process left of one is cut off. One process has the
// journal at a time. Whoever decides says which decision about the image is the last that he has seen, so that nobody
// overrules another without knowing.
package review

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"

	"mgd3/distill"
	"mgd3/internal/words"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/store"
)

var (
	// ErrSeen says that another decision about the image was made since.
	ErrSeen = errors.New("somebody else has decided about it since")
	// ErrDecision says that something cannot be decided.
	ErrDecision = errors.New("no decision")
)

const (
	longestReason = 500       // bytes
	mostJournal   = 256 << 20 // bytes
)

// Decision is a line of the journal.
type Decision struct {
	N         int             `json:"n"`    // from 1
	File      string          `json:"file"` // in the manifest
	Verdict   distill.Verdict `json:"verdict"`
	Reason    string          `json:"reason,omitempty"`
	Candidate string          `json:"candidate,omitempty"` // what replaces it
}

// Open is the verdict of an image that nothing is decided about any more.
const Open distill.Verdict = "open"

// of is the first line of a journal.
type of struct {
	Manifest string `json:"manifest_sha256"`
}

// Journal holds the decisions about one set.
type Journal struct {
	set      string // its folder
	manifest *distill.Manifest
	classes  map[string]string // of the manifest's files

	mu     sync.Mutex
	file   store.Growing
	last   map[string]Decision // by file
	n      int
	end    int64 // of what is whole in the file
	unlock func()
}

// Dir is the folder of what was decided about a set.
func Dir(set string) string { return filepath.Clean(set) + "-review" }

// OpenJournal opens the journal of a finished set, or begins it. Another process that has it is a [stage.ErrBusy], a
// journal about another manifest a [stage.ErrOther], a line that is none a [stage.ErrDamaged]. cut is how many bytes of
// a line that was not finished were cut off.
func OpenJournal(set string) (_ *Journal, cut int, err error) {
	m, err := distill.ReadManifest(set)
	if err != nil {
		return nil, 0, err
	}
	text, err := atomicfile.Read(distill.ManifestFile(set), mostJournal)
	if err != nil {
		return nil, 0, err
	}
	j := &Journal{set: set, manifest: m, classes: map[string]string{}, last: map[string]Decision{}}
	for _, c := range m.Classes {
		for _, im := range c.Images {
			j.classes[im.File] = c.Name
		}
	}
	path := filepath.Join(Dir(set), "decisions.jsonl")
	if j.unlock, err = atomicfile.Lock(path); err != nil {
		return nil, 0, err
	}
	defer func() {
		if err != nil {
			j.Close()
		}
	}()
	if j.file, err = atomicfile.Append(path); err != nil {
		return nil, 0, err
	}
	if cut, err = j.read(of{fmt.Sprintf("%x", sha256.Sum256(text))}); err != nil {
		return nil, 0, fmt.Errorf("%q: %w", path, err)
	}
	return j, cut, nil
}

// read reads the lines that are whole, and leaves the file behind them.
func (j *Journal) read(want of) (cut int, err error) {
	data, err := io.ReadAll(io.LimitReader(j.file, mostJournal+1))
	if err != nil {
		return 0, err
	}
	if len(data) > mostJournal {
		return 0, fmt.Errorf("%w: it has more than %d MB", stage.ErrDamaged, mostJournal>>20)
	}
	whole := data[:bytes.LastIndexByte(data, '\n')+1]
	cut = len(data) - len(whole)
	j.end = int64(len(whole))
	if cut > 0 {
		if err := j.file.Truncate(j.end); err != nil {
			return 0, err
		}
	}
	if _, err := j.file.Seek(j.end, io.SeekStart); err != nil {
		return 0, err
	}
	if len(whole) == 0 {
		return cut, j.add(want)
	}
	for i, line := range bytes.Split(whole[:len(whole)-1], []byte{'\n'}) {
		if i == 0 {
			var have of
			if json.Unmarshal(line, &have) != nil || have.Manifest == "" {
				return 0, fmt.Errorf("%w: line 1 names no manifest", stage.ErrDamaged)
			}
			if have != want {
				return 0, fmt.Errorf("%w: the decisions are about another set that was at this place, manifest %.12s, "+
					"not %.12s", stage.ErrOther, have.Manifest, want.Manifest)
			}
			continue
		}
		var d Decision
		if err := json.Unmarshal(line, &d); err != nil {
			return 0, fmt.Errorf("line %d: %w: %s", i+1, stage.ErrDamaged, stage.NotJSON(err))
		}
		if d.N != i {
			return 0, fmt.Errorf("line %d: %w: it has number %d, want %d", i+1, stage.ErrDamaged, d.N, i)
		}
		if err := j.check(d); err != nil {
			return 0, fmt.Errorf("line %d: %w: %w", i+1, stage.ErrDamaged, err)
		}
		j.n, j.last[d.File] = d.N, d
	}
	return cut, nil
}

// check says why a decision is none.
func (j *Journal) check(d Decision) error {
	_, known := j.classes[d.File]
	switch {
	case !known:
		return fmt.Errorf("%w: %.100q is no image of the set", ErrDecision, d.File)
	case d.Verdict != Open && !slices.Contains(distill.Verdicts, d.Verdict):
		return fmt.Errorf("%w: the verdict is %.20q, want %s or open", ErrDecision, d.Verdict,
			words.List(distill.Verdicts))
	case len(d.Reason) > longestReason:
		return fmt.Errorf("%w: the reason has %d bytes, want at most %d", ErrDecision, len(d.Reason), longestReason)
	case (d.Verdict == distill.Replace) != isID(d.Candidate) || d.Verdict != distill.Replace && d.Candidate != "":
		return fmt.Errorf("%w: the verdict is %q, and the candidate %.40q", ErrDecision, d.Verdict, d.Candidate)
	}
	return nil
}

// Decide adds a decision. seen is the number of the last decision about the image that whoever decides knows of, 0 for
// none: where there is a later one, nothing is added, and that one is returned with an [ErrSeen].
func (j *Journal) Decide(d Decision, seen int) (Decision, error) {
	if err := j.check(d); err != nil {
		return d, err
	}
	if d.Verdict == distill.Replace {
		c, err := j.Candidate(d.Candidate)
		if err == nil && c.Class != j.classes[d.File] {
			err = fmt.Errorf("the candidate is of class %q, %q of %q", c.Class, d.File, j.classes[d.File])
		}
		if err != nil {
			return d, fmt.Errorf("%w: %w", ErrDecision, err)
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if last := j.last[d.File]; last.N != seen {
		return last, fmt.Errorf("%q: %w", d.File, ErrSeen)
	}
	if j.file == nil {
		return d, errors.New("the journal is closed")
	}
	d.N = j.n + 1
	if err := j.add(d); err != nil {
		return d, err
	}
	j.n, j.last[d.File] = d.N, d
	return d, nil
}

// add writes a line to the disk. What of it is there after an error is taken away again.
func (j *Journal) add(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	if _, err = j.file.Write(line); err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		_, errSeek := j.file.Seek(j.end, io.SeekStart)
		return atomicfile.Failed(j.file.Name(), errors.Join(err, j.file.Truncate(j.end), errSeek))
	}
	j.end += int64(len(line))
	return nil
}

// Decisions are the last ones of all images, those that are open included, in the order in which they were made.
func (j *Journal) Decisions() []Decision {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := make([]Decision, 0, len(j.last))
	for _, d := range j.last {
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b Decision) int { return a.N - b.N })
	return all
}

// Close closes the journal for other processes to open.
func (j *Journal) Close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file != nil {
		_ = j.file.Close() // every line has been written to the disk
		j.file = nil
	}
	if j.unlock != nil {
		j.unlock()
		j.unlock = nil
	}
}

// Len is how many decisions were made.
func (j *Journal) Len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.n
}
