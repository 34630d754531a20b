package model

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"syscall"

	"mgd3/dit"
	"mgd3/internal/textfile"
	"mgd3/weights"
)

// Folder is a folder of a model or of one network, or one file. The zero Folder is none.
type Folder struct {
	FS   fs.FS
	Path string
}

// Disk returns a folder or a file of the operating system.
func Disk(path string) Folder { return Folder{weights.Disk, path} }

// IsPipeline reports whether the folder is a pipeline of diffusers.
func (f Folder) IsPipeline() bool {
	if f.Path == "" {
		return false
	}
	_, err := fs.Stat(f.FS, path.Join(f.Path, indexFile))
	return err == nil
}

const indexFile = "model_index.json"

// stat looks at what is below the folder.
func (f Folder) stat(name string) (fs.FileInfo, error) { return fs.Stat(f.FS, path.Join(f.Path, name)) }

// below returns the first of the part's folders that is in the folder.
func (f Folder) below(part Part) (Folder, bool) {
	for _, name := range folders[part] {
		dir := path.Join(f.Path, name)
		if info, err := fs.Stat(f.FS, dir); err == nil && info.IsDir() {
			return Folder{f.FS, dir}, true
		}
	}
	return Folder{}, false
}

// labels returns what the pipeline that a denoiser's folder is part of calls the classes, in the order of their
// labels, nil if there is none or it does not say. A pipeline that is not one of a DiT is an error.
func (f Folder) labels() ([]string, error) {
	if path.Base(f.Path) != "transformer" {
		return nil, nil
	}
	p, err := dit.ReadPipelineFS(f.FS, path.Dir(f.Path))
	if p == nil || err != nil {
		return nil, err
	}
	return p.Labels, nil
}

// lines returns the lines of a file in the folder, without empty ones, or nil if there is no such file.
func (f Folder) lines(name string) ([]string, error) {
	name = path.Join(f.Path, name)
	text, err := weights.ReadText(f.FS, name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) { // the latter of a model that is one file
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if text, err = textfile.Clean(text); err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	var lines []string
	s := bufio.NewScanner(bytes.NewReader(text))
	for s.Scan() {
		if line := strings.TrimSpace(s.Text()); line != "" {
			lines = append(lines, line)
		}
	}
	if err := s.Err(); err != nil { // a line of more than 64 KiB
		return nil, fmt.Errorf("%q: line %d is no name: %w", name, len(lines)+1, err)
	}
	return lines, nil
}
