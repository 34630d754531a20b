package dataset

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// tree is the folders of an archive by their paths; the top is ".".
type tree map[string]*listing

func (t tree) list(dir string) (listing, error) {
	l := t[dir]
	if l == nil {
		return listing{}, fmt.Errorf("no folder %s", dir)
	}
	if err := l.sort(); err != nil {
		return listing{}, fmt.Errorf("folder %s: %w", dir, err)
	}
	return *l, nil
}

// folder returns the listing of dir, entered into those above it.
func (t tree) folder(dir string) *listing {
	l := t[dir]
	if l == nil {
		l = &listing{}
		t[dir] = l
		if dir != "." {
			above := t.folder(path.Dir(dir))
			above.folders = append(above.folders, path.Base(dir))
		}
	}
	return l
}

// add enters the image at the path name.
func (t tree) add(name string, f file) {
	f.name = path.Base(name)
	l := t.folder(path.Dir(name))
	l.images = append(l.images, f)
}

// other enters a member that is no image.
func (t tree) other(name string, f file) {
	f.name = path.Base(name)
	l := t.folder(path.Dir(name))
	l.other(kindOfEnding(f.name), f.name)
	l.list(f)
}

// below returns the tree as it is in the folder dir.
func (t tree) below(dir string) tree {
	moved := tree{".": {folders: []string{dir}}}
	for name, l := range t {
		moved[path.Join(dir, name)] = l
	}
	return moved
}

// maxDepth bounds the folders above a member: an archive is free to name 30,000 of them.
const maxDepth = 32

// memberPath returns the path of an archive's member in its plain form, or "" if it is ignored. A
// path that is absolute, leaves the archive, is too deep or has backslashes is an error.
func memberPath(member string) (string, error) {
	name := strings.TrimSuffix(member, "/")
	for strings.HasPrefix(name, "./") {
		name = name[2:]
	}
	why := ""
	switch parts := strings.Split(name, "/"); {
	case name == "":
	case !utf8.ValidString(name):
		why = "it is not UTF-8: unpack the archive, or pack it anew"
	case strings.Contains(name, `\`):
		why = "it has backslashes, which are no slashes on every system: unpack the archive, or pack it anew"
	case strings.HasPrefix(name, "/"):
		why = "it is absolute"
	case slices.Contains(parts, ".."):
		why = "it leads out"
	case !fs.ValidPath(name):
		why = "it has no name, or a dot alone, between two slashes"
	}
	if why != "" {
		return "", fmt.Errorf("member %.200q: want a path within the archive: %s", member, why)
	}
	if err := checkName(name); err != nil {
		return "", fmt.Errorf("member %.200q: %w", member, err)
	}
	if strings.Count(name, "/") > maxDepth {
		return "", fmt.Errorf("member %.100q…: lies below more than %d folders", member, maxDepth)
	}
	if slices.ContainsFunc(strings.Split(name, "/"), ignored) {
		return "", nil
	}
	return name, nil
}
