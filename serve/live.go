package serve

import (
	"cmp"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"mgd3/cluster"
	"mgd3/distill"
	"mgd3/store"
)

// State is how far a run is, by the files in its folder, and what is done about its images.
type State struct {
	Latents int  `json:"latents"` // classes
	Modes   int  `json:"modes"`   // classes
	Images  int  `json:"images"`
	Of      int  `json:"of"`   // images that there will be; 0 is not known
	Done    bool `json:"done"` // there is a manifest
	// of the images, by what was found in the last minute; 0 is not known
	Rate float64 `json:"rate"`
	Left float64 `json:"left_s"` // seconds at this rate
	Last []int   `json:"last"`   // the newest images of a run that goes on, newest first: numbers of /made/N

	Run     *cluster.Status `json:"run,omitempty"`     // of a run on many machines: stages, tasks, failures
	Problem string          `json:"problem,omitempty"` // what cannot be read

	Edit    bool `json:"edit"`
	Decided int  `json:"decided"` // decisions so far: who knows of fewer asks for them
	Job     *Job `json:"job,omitempty"`
}

const (
	newest      = 12               // images of a run that goes on that are shown
	everyStatus = 10 * time.Second // the records of a large run are many files
	window      = time.Minute      // that a rate is taken of
)

// found are the images of a run, in the order in which they were found; what was counted is not read again while its
// folder does not change. Images are only ever added, so a number that a page has been told stays that image.
type found struct {
	dir     string
	mu      sync.Mutex
	files   []string          // paths
	folders map[string]folder // by path
	rates   []rate            // of the last minute, rising; the first may be older

	state  State
	status time.Time // when the records were read
}

// folder is what is known of one.
type folder struct {
	changed time.Time       // when it was read; zero: read it again
	names   map[string]bool // of the files that count
}

// rate is how many images there were.
type rate struct {
	at     time.Time
	images int
}

// at is the path of an image.
func (f *found) at(n int) (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n < 0 || n >= len(f.files) {
		return "", false
	}
	return f.files[n], true
}

// state is looked at again with files, else what was seen last, with what has been done since: a decision is shown at
// once, without a look at the disk. When the manifest appears it is read here, and the images become the grid's.
func (s *Server) state(files bool) State {
	f := &s.watch.made
	f.mu.Lock()
	defer f.mu.Unlock()
	if files || f.dir == "" {
		f.dir = s.Dir
		f.look(time.Now())
	}
	st := f.state
	if l := s.listing.Load(); st.Done && l.manifest == nil { // it has just been finished
		if _, err := s.load(); err != nil {
			st.Problem = err.Error()
		}
	} else if l.manifest != nil {
		st.Done, st.Images = true, len(l.images)
	}
	if s.journal != nil {
		st.Edit, st.Decided = true, s.journal.Len()
	}
	st.Job = s.jobs.now()
	return st
}

// look looks at the files. It is called with the lock held and may take long in a bucket, but only the watcher and
// /made/N wait for it.
func (f *found) look(now time.Time) {
	st := State{Run: f.state.Run, Of: f.state.Of}
	_, err := store.Stat(distill.ManifestFile(f.dir))
	if st.Done = err == nil; st.Done && len(f.files) == 0 {
		f.status, st.Run = time.Time{}, nil
	}
	st.Latents = len(f.list(distill.LatentsDir(f.dir), ".safetensors").names)
	st.Modes = len(f.list(filepath.Join(f.dir, "modes"), ".safetensors").names)
	if !st.Done || len(f.files) > 0 {
		images := distill.ImagesDir(f.dir)
		for class := range f.list(images, "").names {
			f.list(filepath.Join(images, class), ".png")
		}
	}
	st.Images = len(f.files)
	if st.Of == 0 {
		st.Of, _ = distill.Planned(f.dir) // 0 where it cannot be told yet
	}
	for n := len(f.files) - 1; n >= max(0, len(f.files)-newest); n-- {
		st.Last = append(st.Last, n)
	}
	st.Rate, st.Left = f.rate(now, st)
	if now.Sub(f.status) >= everyStatus && !st.Done {
		f.status = now
		switch run, err := cluster.ReadStatus(f.dir, now); {
		case err == nil && len(run.Stages) > 0:
			run.Out = "" // where a run lies is nobody's concern
			st.Run = &run
		case err != nil && !errors.Is(err, cluster.ErrNoRun) && !errors.Is(err, fs.ErrNotExist):
			st.Problem = err.Error()
		}
	}
	f.state = st
}

// list lists the files of a folder whose names end so, or all; new images are added to those that were found, the
// older first. A folder whose time is that of the last look is not read again, unless it might have changed within
// what its clock can tell.
func (f *found) list(dir, ending string) folder {
	was := f.folders[dir]
	if f.folders == nil {
		f.folders = map[string]folder{}
	}
	changed := time.Time{}
	if info, err := store.Stat(dir); err == nil && !store.Is(dir) {
		if changed = info.ModTime(); was.names != nil && changed.Equal(was.changed) {
			return was
		}
		if time.Since(changed) < 2*time.Second { // FAT's clock; a file may come in the same tick as this look
			changed = time.Time{}
		}
	}
	entries, err := store.ReadDir(dir)
	if err != nil && was.names != nil { // a disk that does not answer now: what was seen is still true
		return was
	}
	is := folder{changed, was.names}
	if is.names == nil {
		is.names = map[string]bool{}
	}
	type file struct {
		name string
		at   time.Time
	}
	var added []file
	for _, e := range entries {
		if name := e.Name(); !is.names[name] && name[0] != '.' && (ending == "" && e.IsDir() ||
			ending != "" && filepath.Ext(name) == ending && !e.IsDir()) {
			is.names[name] = true
			at := time.Time{}
			if ending == ".png" {
				if info, err := e.Info(); err == nil {
					at = info.ModTime()
				}
			}
			added = append(added, file{name, at})
		}
	}
	if ending == ".png" {
		slices.SortFunc(added, func(a, b file) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.name, b.name)) })
		for _, a := range added {
			f.files = append(f.files, filepath.Join(dir, a.name))
		}
	}
	f.folders[dir] = is
	return is
}

// rate is how many images a second there are, by the last minute, and how many seconds the others take at this rate; 0
// where it is not known. The entry before the window is kept, so that the window is always filled.
func (f *found) rate(now time.Time, st State) (rateNow, left float64) {
	f.rates = append(f.rates, rate{now, st.Images})
	for len(f.rates) > 2 && now.Sub(f.rates[1].at) >= window {
		f.rates = f.rates[1:]
	}
	first := f.rates[0]
	if t := now.Sub(first.at).Seconds(); t > 0 && st.Images > first.images && !st.Done {
		rateNow = float64(st.Images-first.images) / t
		left = float64(max(0, st.Of-st.Images)) / rateNow
	}
	return rateNow, left
}
