package weights

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// File is one weights file, or the shards of one model, open for reading. It may be used
// from several goroutines; Close must come after all of them.
type File struct {
	in       place
	path     string // as opened, for messages
	sources  []*source
	tensors  map[string]Tensor
	metadata map[string]string
	beside   map[string][]string // names of classes beside the tensors of a checkpoint
	sections []Section           // of the last checkpoint
	taken    string              // the section that tensors are of, where SHA256 must tell it apart
	notes    []string
}

// Open opens a model's tensors and checks every header. The path names a file, of any name and known by its content,
// an index of shards (*.json), or a folder that holds one of modelFiles, a single *.safetensors or else a single file
// of PyTorch's. PATH#NAME takes the section of that name. A damaged file is an error that wraps ErrFormat, one of
// several networks an ErrChoice.
//
// Of a bucket, see package store, it opens a file of tensors alone, which it reads to memory.
func Open(path string) (*File, error) {
	in, err := placeOf(path)
	if err != nil {
		return nil, err
	}
	return openAt(in, path)
}

// OpenFS is [Open] of a path in a file system, embedded in the program say: its names are those of
// [fs.ValidPath].
func OpenFS(fsys fs.FS, name string) (*File, error) { return openAt(place{fsys, path.Join}, name) }

func openAt(in place, path string) (*File, error) {
	path, want := SplitSection(in.FS, path)
	path, err := find(in, path)
	if err != nil {
		return nil, err
	}
	f := &File{in: in, path: path, tensors: map[string]Tensor{}, metadata: map[string]string{}}
	if strings.HasSuffix(path, ".json") {
		err = f.addShards(want)
	} else {
		_, err = f.add(path, want)
	}
	if err == nil {
		err = f.choose(want)
	}
	if err != nil {
		closeAll(f.sources)
		return nil, err
	}
	return f, nil
}

// SplitSection returns the file and the section that FILE#NAME names; "" for no section, and where there is a file of
// the whole name.
func SplitSection(fsys fs.FS, at string) (file, section string) {
	i := strings.LastIndexByte(at, '#')
	if i <= 0 || i == len(at)-1 {
		return at, ""
	}
	if _, err := fs.Stat(fsys, at); err == nil {
		return at, ""
	}
	if _, err := fs.Stat(fsys, at[:i]); err != nil {
		return at, ""
	}
	return at[:i], at[i+1:]
}

// modelFiles are the names, in this order, that programs give to a model's weights. Whole precision comes before half,
// in whichever format, as diffusers takes it where no variant is asked for.
var modelFiles = []string{
	"model.safetensors",
	"model.safetensors.index.json",
	"diffusion_pytorch_model.safetensors",
	"diffusion_pytorch_model.safetensors.index.json",
	"pytorch_model.bin",
	"pytorch_model.bin.index.json",
	"diffusion_pytorch_model.bin",
	"diffusion_pytorch_model.bin.index.json",
	"model.fp16.safetensors",
	"model.safetensors.index.fp16.json",
	"diffusion_pytorch_model.fp16.safetensors",
	"diffusion_pytorch_model.safetensors.index.fp16.json",
	"pytorch_model.fp16.bin",
	"pytorch_model.bin.index.fp16.json",
	"diffusion_pytorch_model.fp16.bin",
	"diffusion_pytorch_model.bin.index.fp16.json",
}

// torchNames are what the names of PyTorch's files end with.
var torchNames = []string{".pt", ".pth", ".th", ".bin", ".ckpt"}

// find returns the file to open for path: path itself unless it is a folder.
func find(in place, path string) (string, error) {
	info, err := fs.Stat(in.FS, path)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return path, nil
	}
	entries, err := fs.ReadDir(in.FS, path)
	if err != nil {
		return "", err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	for _, name := range modelFiles {
		if slices.Contains(names, name) {
			return in.join(path, name), nil
		}
	}
	found := named(names, ".safetensors")
	if len(found) == 0 {
		found = named(names, torchNames...)
	}
	if len(found) != 1 {
		if len(found) == 0 {
			return "", fmt.Errorf("%s: holds no weights file, want one *.safetensors or one of PyTorch's%s", path,
				in.below(path, entries))
		}
		return "", fmt.Errorf("%s: holds %d weights files %v, want one *.safetensors or one of PyTorch's, or one "+
			"named %s", path, len(found), found, modelFiles[0])
	}
	return in.join(path, found[0]), nil
}

// named returns the names with one of these endings.
func named(names []string, endings ...string) []string {
	return slices.DeleteFunc(slices.Clone(names),
		func(n string) bool { return !slices.Contains(endings, filepath.Ext(n)) })
}

// below names the folders in path that hold weights, as a model's does: what was likely meant.
func (in place) below(path string, entries []fs.DirEntry) string {
	var parts []string
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		inside, _ := fs.ReadDir(in.FS, in.join(path, e.Name()))
		if slices.ContainsFunc(inside, func(f fs.DirEntry) bool {
			return filepath.Ext(f.Name()) == ".safetensors" || slices.Contains(torchNames, filepath.Ext(f.Name()))
		}) {
			parts = append(parts, in.join(path, e.Name()))
		}
	}
	if parts == nil {
		return ""
	}
	return fmt.Sprintf("; %q have some", parts)
}

// add opens one file, adds its tensors and returns them.
func (f *File) add(path, want string) ([]Tensor, error) {
	src, err := openSource(f.in, path)
	if err != nil {
		return nil, err
	}
	f.sources = append(f.sources, src)
	var c content
	err = src.read(func() (err error) {
		if err = foreignError(src.data); err == nil {
			c, err = parse(src, want)
		}
		return err
	})
	if errors.Is(err, ErrChoice) {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err != nil {
		return nil, invalid(path, err)
	}
	for _, t := range c.tensors {
		f.tensors[t.Name] = t
	}
	maps.Copy(f.metadata, c.metadata)
	f.sections, f.beside = c.sections, c.beside
	if c.other {
		f.taken = c.taken
	}
	for _, n := range c.notes {
		f.note(n)
	}
	return c.tensors, nil
}

// choose leaves the section of that name where the names of the tensors tell it, not the keys of a checkpoint.
func (f *File) choose(want string) error {
	whole := want == "" || slices.ContainsFunc(f.sections,
		func(s Section) bool { return s.Taken && (s.Name == want || strings.HasSuffix(s.Name, "/"+want)) })
	if f.compVisSections(want, whole) || whole {
		return nil
	}
	return f.only(want)
}

// only leaves the tensors whose names begin with want and a dot.
func (f *File) only(want string) error {
	left := map[string]Tensor{}
	first := map[string]bool{}
	for name, t := range f.tensors {
		part, _, _ := strings.Cut(unwrapped(name), ".")
		if first[part] = true; part == want {
			left[name] = t
		}
	}
	if len(left) == 0 {
		var names []string
		for _, s := range f.sections {
			names = append(names, s.Name)
		}
		if len(names) < 2 {
			names = slices.Sorted(maps.Keys(first))
		}
		return fmt.Errorf("%s: %w, but none of the name %q; it has %s", f.path, ErrChoice, want, some(names))
	}
	f.tensors, f.taken = left, want
	return nil
}

// Sections returns the sets of weights in the file, if it is a checkpoint of a training.
func (f *File) Sections() []Section { return slices.Clone(f.sections) }

// Notes returns what the user should know of how the file was read: which of several sets of weights was taken, what
// was left out or put together. Functions such as [DiT] add to it.
func (f *File) Notes() []string {
	var notes []string
	for _, n := range f.notes {
		notes = append(notes, f.path+": "+n)
	}
	return notes
}

// Names returns the names of all tensors, sorted.
func (f *File) Names() []string { return slices.Sorted(maps.Keys(f.tensors)) }

// Tensor returns the tensor of that name. No data is read.
func (f *File) Tensor(name string) (Tensor, error) {
	t, ok := f.tensors[name]
	if !ok {
		return Tensor{}, fmt.Errorf("%s: has no tensor %q", f.path, name)
	}
	return t, nil
}

// Metadata returns the strings stored beside the tensors. Where shards differ, the last one
// counts.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata) }

// Paths returns the files the tensors lie in; shards sorted by name.
func (f *File) Paths() []string {
	var paths []string
	for _, s := range f.sources {
		paths = append(paths, s.name)
	}
	return paths
}

// SHA256 returns the hash, in hex, over the contents of Paths one after the other, and over the name of the section
// where it is not the one that version 0.1 took. It reads all of them, and stops early when ctx is done. A file in
// the hub's cache whose name there is another hash is an ErrFormat, and so is one of which the training.json beside
// it has another.
func (f *File) SHA256(ctx context.Context) (string, error) {
	const chunk = 1 << 22 // bytes, some milliseconds of hashing
	hash := sha256.New()
	for _, s := range f.sources {
		known, own := s.knownSum(), sha256.New()
		recorded, err := f.recordedSum(s)
		if err != nil {
			return "", err
		}
		err = s.read(func() error {
			for part := range slices.Chunk(s.data, chunk) {
				if err := ctx.Err(); err != nil {
					return err
				}
				hash.Write(part)
				if known != "" || recorded != "" {
					own.Write(part)
				}
				s.letGo(part)
			}
			return nil
		})
		if err != nil {
			return "", err
		}
		sum := hex.EncodeToString(own.Sum(nil))
		if recorded != "" && sum != recorded {
			return "", fmt.Errorf("%q: %w: it is damaged, or of another training than the %s beside it says: its "+
				"SHA-256 is %s, want %s",
				s.name, ErrFormat, RecordName, sum, recorded)
		}
		if known != "" && sum != known {
			return "", fmt.Errorf("%s: %w: it is damaged: its SHA-256 is %s, the cache of downloads has it under %s; "+
				"pull it again with --check",
				s.name, ErrFormat, sum, known)
		}
	}
	if f.taken != "" {
		fmt.Fprintf(hash, "#%s", f.taken)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// Close gives the mapped memory back. Slices from Tensor.Bytes must not be used after it.
func (f *File) Close() error { return closeAll(f.sources) }
