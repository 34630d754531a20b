package tensorset

import (
	"archive/zip"
	"bytes"
	"os"
	"path"
	"strings"

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
func kindOf(file string) kind {
	f, err := os.Open(file)
	if err != nil {
		return noTensors
	}
	defer f.Close()
	head := make([]byte, 64)
	n, _ := f.ReadAt(head, 0)
	head = head[:n]
	switch {
	case bytes.HasPrefix(head, []byte(npyMagic)):
		return npy
	case bytes.HasPrefix(head, []byte("PK")):
		return kindOfZip(f)
	case weights.IsTorch(head):
		return torch
	// the length of a header in eight bytes, and then JSON: too little to tell it by the content alone
	case len(head) > 8 && head[8] == '{' && strings.HasSuffix(file, ".safetensors"):
		return safetensors
	}
	return noTensors
}

// kindOfZip tells PyTorch's and NumPy's zips from others. A damaged one is of the kind that its name says.
func kindOfZip(f *os.File) kind {
	byName := noTensors
	switch strings.ToLower(path.Ext(f.Name())) {
	case ".pt", ".pth":
		byName = torch
	case ".npz":
		byName = npz
	}
	info, err := f.Stat()
	if err != nil {
		return byName
	}
	archive, err := zip.NewReader(f, info.Size())
	if err != nil {
		return byName
	}
	for _, file := range archive.File {
		switch {
		case path.Base(file.Name) == "data.pkl" && strings.Count(file.Name, "/") == 1:
			return torch
		case strings.HasSuffix(file.Name, ".npy"):
			return npz
		}
	}
	return byName
}
