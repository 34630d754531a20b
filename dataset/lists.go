package dataset

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Many sets come as images beside a list that says which image is of which class and split. A shelf is what such a
// set is read from, and an entry is what its lists come to: where an image lies, and its class.

// shelf is the files of a folder or an archive by their paths below base.
type shelf struct {
	src   source
	dirs  lister
	base  string
	known map[string]shelved
}

// shelved is one folder of a shelf, by names.
type shelved struct {
	folders []string
	images  map[string]file
	others  map[string]file
}

// entry is an image that a list names.
type entry struct{ path, class string }

func newShelf(src source, dirs lister, base string) *shelf {
	return &shelf{src, dirs, base, map[string]shelved{}}
}

// list returns what is in the folder dir; nothing if there is no such folder.
func (s *shelf) list(dir string) shelved {
	if l, ok := s.known[dir]; ok {
		return l
	}
	out := shelved{images: map[string]file{}, others: map[string]file{}}
	if dir == "." || slices.Contains(s.list(path.Dir(dir)).folders, path.Base(dir)) {
		if l, err := s.dirs.list(path.Join(s.base, dir)); err == nil {
			out.folders = l.folders
			for _, f := range l.images {
				out.images[f.name] = f
			}
			for _, f := range l.lists {
				out.others[f.name] = f
			}
		}
	}
	s.known[dir] = out
	return out
}

// has tells whether a file or folder is there.
func (s *shelf) has(name string) bool {
	dir, base := path.Dir(name), path.Base(name)
	if name == "." {
		return true
	}
	l := s.list(dir)
	_, image := l.images[base]
	_, other := l.others[base]
	return image || other || slices.Contains(l.folders, base)
}

// read returns a file that is no image.
func (s *shelf) read(name string) ([]byte, error) {
	f, ok := s.list(path.Dir(name)).others[path.Base(name)]
	if !ok {
		return nil, fmt.Errorf("no file %q, which says the classes of the images", name)
	}
	if disk, ok := s.src.(folder); ok {
		info, err := disk.stat(path.Join(s.base, name))
		if err != nil {
			return nil, err
		}
		f.size = info.Size()
	}
	if f.size > maxFile {
		return nil, fmt.Errorf("%q has %d bytes, want at most %d", name, f.size, maxFile)
	}
	data, err := s.src.read(path.Join(s.base, name), Ref{Size: f.size, in: f.in, at: f.at})
	if err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	return data, nil
}

// lines calls do with the words of every line of a list that has any; sep parts them, "" is blanks.
func (s *shelf) lines(name, sep string, do func(words []string) error) error {
	data, err := s.read(name)
	if err != nil {
		return err
	}
	n := 0
	for line := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
		n++
		line = strings.TrimSpace(line)
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if sep != "" {
			words = strings.Split(line, sep)
		}
		if err := do(words); err != nil {
			return fmt.Errorf("%q, line %d: %w", name, n, err)
		}
	}
	return nil
}

// byLines returns the entries of a list of which each line names an image.
func (s *shelf) byLines(name, sep string, want int, entryOf func(words []string) (entry, error)) ([]entry, error) {
	var entries []entry
	err := s.lines(name, sep, func(words []string) error {
		if len(words) < want {
			return fmt.Errorf("has %d words, want %d", len(words), want)
		}
		e, err := entryOf(words)
		entries = append(entries, e)
		return err
	})
	return entries, err
}

// byFolders returns the entries of a folder whose folders are classes; their images lie in the folder inner of each.
func (s *shelf) byFolders(dir, inner string) []entry {
	var entries []entry
	for _, class := range s.list(dir).folders {
		entries = append(entries, s.allIn(path.Join(dir, class, inner), class)...)
	}
	return entries
}

// allIn returns the images of a folder as entries of one class.
func (s *shelf) allIn(dir, class string) []entry {
	var entries []entry
	for _, name := range slices.Sorted(maps.Keys(s.list(dir).images)) {
		entries = append(entries, entry{path.Join(dir, name), class})
	}
	return entries
}

// file returns the image of an entry.
func (s *shelf) file(e entry) (file, error) {
	f, ok := s.list(path.Dir(e.path)).images[path.Base(e.path)]
	if !ok || !fs.ValidPath(e.path) {
		return file{}, fmt.Errorf("no image %q, which the list of the set names", e.path)
	}
	return f, nil
}

// refiled are the files of a folder under other names than their own: those of Ref.at.
type refiled struct {
	folder
	paths []string
}

func (r refiled) read(_ string, ref Ref) ([]byte, error) {
	return readFile(ref.Size, func() (io.ReadCloser, error) { return r.open(r.paths[ref.at]) })
}

// refile enters the entries by class below split, and returns the source they are then read from.
// A slash in the name of a class becomes _.
func (s *shelf) refile(split string, entries []entry, n *notes) (source, tree, error) {
	c := newCollector(split)
	disk, onDisk := s.src.(folder)
	var paths []string
	seen := make(map[string]bool, len(entries))
	classes := map[string]string{} // their names in the lists
	for _, e := range entries {
		f, err := s.file(e)
		if err != nil {
			return nil, nil, err
		}
		if seen[e.path] {
			return nil, nil, fmt.Errorf("image %q is in the list twice", e.path)
		}
		seen[e.path] = true
		class := strings.ReplaceAll(e.class, "/", "_")
		switch first, known := classes[class]; {
		case known && first != e.class:
			return nil, nil, fmt.Errorf("the classes %q and %q would both be %q", first, e.class, class)
		case !known && class != e.class:
			n.add(takenSlash, 1, e.class)
		}
		classes[class] = e.class
		if err := checkClassName(class); err != nil {
			return nil, nil, fmt.Errorf("image %q: %w", e.path, err)
		}
		if onDisk {
			f.at = int64(len(paths))
			paths = append(paths, path.Join(s.base, e.path))
		}
		c.add(class, f)
	}
	if onDisk {
		return refiled{disk, paths}, c.dirs, nil
	}
	return s.src, c.dirs, nil
}

// unlisted returns the images in the folders of entries that are in none of the lists.
func (s *shelf) unlisted(entries []entry, others func() []entry) []string {
	listed := map[string]bool{}
	dirs := map[string]bool{}
	for _, e := range entries {
		listed[e.path] = true
		dirs[path.Dir(e.path)] = true
	}
	rest := func() (names []string) {
		for dir := range dirs {
			for name := range s.list(dir).images {
				if p := path.Join(dir, name); !listed[p] {
					names = append(names, p)
				}
			}
		}
		return names
	}
	if len(rest()) == 0 {
		return nil
	}
	for _, e := range others() {
		listed[e.path] = true
	}
	names := rest()
	slices.Sort(names)
	return names
}
