package weights

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
}

// Open opens a model's tensors and checks every header. The path names a file, of any name and
// known by its content, an index of shards (*.json), or a folder that holds one of modelFiles, a
// single *.safetensors or else a single file of PyTorch's. A damaged file is an error that wraps
// ErrFormat.
func Open(path string) (*File, error) { return openAt(disk, path) }

// OpenFS is [Open] of a path in a file system, embedded in the program say: its names are those of
// [fs.ValidPath].
func OpenFS(fsys fs.FS, name string) (*File, error) { return openAt(place{fsys, path.Join}, name) }

func openAt(in place, path string) (*File, error) {
	path, err := find(in, path)
	if err != nil {
		return nil, err
	}
	f := &File{in: in, path: path, tensors: map[string]Tensor{}, metadata: map[string]string{}}
	if strings.HasSuffix(path, ".json") {
		err = f.addShards()
	} else {
		_, err = f.add(path)
	}
	if err != nil {
		closeAll(f.sources)
		return nil, err
	}
	return f, nil
}

// modelFiles are the names, in this order, that programs give to a model's weights.
var modelFiles = []string{
	"model.safetensors",
	"model.safetensors.index.json",
	"diffusion_pytorch_model.safetensors",
	"diffusion_pytorch_model.safetensors.index.json",
	"diffusion_pytorch_model.fp16.safetensors",
	"diffusion_pytorch_model.safetensors.index.fp16.json",
	"pytorch_model.bin",
	"pytorch_model.bin.index.json",
	"diffusion_pytorch_model.bin",
	"diffusion_pytorch_model.bin.index.json",
	"diffusion_pytorch_model.fp16.bin",
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
		return "", fmt.Errorf("%s: holds %d weights files %v, want one *.safetensors or one of PyTorch's, or one named %s", path, len(found), found, modelFiles[0])
	}
	return in.join(path, found[0]), nil
}

// named returns the names with one of these endings.
func named(names []string, endings ...string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !slices.Contains(endings, filepath.Ext(n)) })
}

// add opens one file, adds its tensors and returns them.
func (f *File) add(path string) ([]Tensor, error) {
	src, err := openSource(f.in, path)
	if err != nil {
		return nil, err
	}
	f.sources = append(f.sources, src)
	tensors, metadata, err := parse(src)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrFormat, err)
	}
	for _, t := range tensors {
		f.tensors[t.Name] = t
	}
	maps.Copy(f.metadata, metadata)
	return tensors, nil
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

// SHA256 returns the hash, in hex, over the contents of Paths one after the other. It reads
// all of them, and stops early when ctx is done.
func (f *File) SHA256(ctx context.Context) (string, error) {
	const chunk = 1 << 22 // bytes, some milliseconds of hashing
	hash := sha256.New()
	for _, s := range f.sources {
		for part := range slices.Chunk(s.data, chunk) {
			if err := ctx.Err(); err != nil {
				return "", err
			}
			hash.Write(part)
		}
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// Close gives the mapped memory back. Slices from Tensor.Bytes must not be used after it.
func (f *File) Close() error { return closeAll(f.sources) }
