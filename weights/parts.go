package weights

import (
	"io/fs"
	"maps"
	"path"
)

// Disk is the operating system's files under its own paths, for [OpenFS] and [OpenParts]; files of it are mapped.
var Disk fs.FS = host{}

// Part is one of the files that a model is stored in by its parts: an encoder, say.
type Part struct {
	Prefix string // goes before all names of the file
	Path   string
}

// OpenParts opens a model whose parts lie in files of their own, as one [File].
func OpenParts(fsys fs.FS, parts ...Part) (*File, error) {
	all := &File{in: place{fsys, path.Join}, tensors: map[string]Tensor{}, metadata: map[string]string{}}
	for _, part := range parts {
		f, err := OpenFS(fsys, part.Path)
		if err != nil {
			closeAll(all.sources)
			return nil, err
		}
		if all.path != "" {
			all.path += " and "
		}
		all.path += f.path
		all.sources = append(all.sources, f.sources...)
		items, err := f.plain()
		if err != nil {
			closeAll(append(all.sources, f.sources...))
			return nil, err
		}
		for _, i := range items {
			i.tensor.Name = part.Prefix + i.name
			all.tensors[i.tensor.Name] = i.tensor
		}
		all.notes = append(all.notes, f.notes...)
		maps.Copy(all.metadata, f.metadata)
	}
	return all, nil
}
