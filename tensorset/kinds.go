package tensorset

import (
	"archive/zip"
	"bytes"
	"io"
	"path"
	"strings"

	"mgd3/store"
	"mgd3/weights"
)

// kind is what a file is, by its content.
type kind int

const (
	noTensors kind = iota
	torch
	npy
	npz
	safetensors
)

// kindOf looks at a file. A zip is told by what is in it, since sets of images come as zips as well.
func kindOf(file string) (kind, error) {
	f, err := store.Open(file)
	if err != nil {
		return noTensors, err
	}
	defer f.Close()
	head := make([]byte, 64)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return noTensors, err
	}
	head = head[:n]
	switch {
	case bytes.HasPrefix(head, []byte(npyMagic)):
		return npy, nil
	case bytes.HasPrefix(head, []byte("PK")):
		return kindOfZip(file, f)
	case weights.IsTorch(head):
		return torch, nil
	// the length of a header in eight bytes, and then JSON: too little to tell it by the content alone
	case len(head) > 8 && head[8] == '{' && strings.HasSuffix(file, ".safetensors"):
		return safetensors, nil
	}
	return noTensors, nil
}

// kindOfZip tells PyTorch's and NumPy's zips from others. A damaged one is of the kind that its name says.
func kindOfZip(name string, f store.File) (kind, error) {
	byName := noTensors
	switch strings.ToLower(path.Ext(name)) {
	case ".pt", ".pth":
		byName = torch
	case ".npz":
		byName = npz
	}
	info, err := f.Stat()
	if err != nil {
		return byName, err
	}
	archive, err := zip.NewReader(f, info.Size())
	switch {
	case store.Failed(err):
		return byName, err
	case err != nil:
		return byName, nil
	}
	for _, file := range archive.File {
		switch {
		case path.Base(file.Name) == "data.pkl" && strings.Count(file.Name, "/") == 1:
			return torch, nil
		case strings.HasSuffix(file.Name, ".npy"):
			return npz, nil
		}
	}
	return byName, nil
}
