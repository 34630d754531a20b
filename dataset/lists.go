package dataset

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"mgd3/internal/textfile"
)

// Many sets come as images beside a list that says which image is of which class and split. A shelf is what such a
// set is read from, and an entry is what its lists come to: where an image lies, and its class.

// shelf is the files of a folder or an archive by their paths below base.
type shelf struct {
	src   source
	dirs  lister
	base  string
	known map[string]listing
	err   error // the first of a folder that could not be listed, and so seemed empty
}

// entry is an image that a list names.
type entry struct{ path, class string }

func newShelf(src source, dirs lister, base string) *shelf {
	return &shelf{src: src, dirs: dirs, base: base, known: map[string]listing{}}
}

// list returns what is in the folder dir; nothing if there is no such folder.
func (s *shelf) list(dir string) listing {
	l, ok := s.known[dir]
	if !ok && (dir == "." || slices.Contains(s.list(path.Dir(dir)).folders, path.Base(dir))) {
		var err error
		if l, err = s.dirs.list(path.Join(s.base, dir)); err != nil && s.err == nil {
			s.err = err
		}
	}
	s.known[dir] = l
	return l
}

// image returns an image by its path.
func (s *shelf) image(name string) (file, bool) {
	images := s.list(path.Dir(name)).images
	i, ok := slices.BinarySearchFunc(images, path.Base(name),
		func(f file, name string) int { return cmp.Compare(f.name, name) })
	if !ok || !fs.ValidPath(name) {
		return file{}, false
	}
	return images[i], true
}

// text returns a file that is no image by its path.
func (s *shelf) text(name string) (file, bool) {
	lists := s.list(path.Dir(name)).lists
	i := slices.IndexFunc(lists, func(f file) bool { return f.name == path.Base(name) })
	if i < 0 {
		return file{}, false
	}
	return lists[i], true
}

// has tells whether a file or folder is there.
func (s *shelf) has(name string) bool {
	_, text := s.text(name)
	return text || slices.Contains(s.list(path.Dir(name)).folders, path.Base(name))
}

// read returns a file that is no image.
func (s *shelf) read(name string) ([]byte, error) {
	f, ok := s.text(name)
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
	text, err := textfile.Clean(data)
	if err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
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

// byFolders returns the entries of a folder whose folders are classes; their images lie in the folders inner of each.
func (s *shelf) byFolders(dir string, inner ...string) ([]entry, error) {
	var entries []entry
	for _, class := range s.list(dir).folders {
		before := len(entries)
		for _, in := range inner {
			entries = append(entries, s.allIn(path.Join(dir, class, in), class)...)
		}
		if len(entries) == before {
			return nil, fmt.Errorf("class %q: no images in %q, want at least one", class,
				path.Join(dir, class, inner[0]))
		}
	}
	return entries, nil
}

// allIn returns the images of a folder as entries of one class.
func (s *shelf) allIn(dir, class string) []entry {
	var entries []entry
	for _, f := range s.list(dir).images {
		entries = append(entries, entry{path.Join(dir, f.name), class})
	}
	return entries
}

// refiled are the files of a folder under other names than their own: those of Ref.at.
type refiled struct {
	folder
	paths []string
}

func (r refiled) read(_ string, ref Ref) ([]byte, error) {
	return r.folder.read(r.paths[ref.at], ref)
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
		f, ok := s.image(e.path)
		if !ok {
			return nil, nil, fmt.Errorf("no image %q, which the list of the set names", e.path)
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
		if err := CheckClassName(class); err != nil {
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
func (s *shelf) unlisted(entries []entry, others func() []entry) (names []string) {
	listed := make(map[string]bool, len(entries))
	for _, e := range entries {
		listed[e.path] = true
	}
	rest := func() {
		names = nil
		for _, dir := range foldersOf(entries) {
			for _, f := range s.list(dir).images {
				if p := path.Join(dir, f.name); !listed[p] {
					names = append(names, p)
				}
			}
		}
	}
	if rest(); names == nil {
		return nil
	}
	for _, e := range others() {
		listed[e.path] = true
	}
	rest()
	return names
}

// foldersOf returns the folders of the entries, in byte order.
func foldersOf(entries []entry) []string {
	dirs := map[string]bool{}
	for _, e := range entries {
		dirs[path.Dir(e.path)] = true
	}
	return slices.Sorted(maps.Keys(dirs))
}

// note notes what else lies in the folders of entries: other files, and images in folders there.
func (s *shelf) note(entries []entry, n *notes) error {
	for _, dir := range foldersOf(entries) {
		l := s.list(dir)
		l.note(n, path.Join(s.base, dir))
		if err := noteNested(s.dirs, path.Join(s.base, dir), l, n); err != nil {
			return err
		}
	}
	return nil
}
