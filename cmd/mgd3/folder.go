package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"syscall"

	"mgd3/dit"
	"mgd3/engine"
	embedded "mgd3/glyphs/model"
	"mgd3/internal/textfile"
	"mgd3/latent"
	"mgd3/weights"
)

// folder is a folder of a model, or one file: on disk, or in the program.
type folder struct {
	fsys fs.FS
	path string
}

// modelFolder returns the folder that --model names: glyphs is the model in the program, a folder of that
// name is ./glyphs.
func modelFolder(name string) folder {
	if name == glyphsSet {
		return folder{embedded.Files, "."}
	}
	return folder{weights.Disk, name}
}

// pick returns what a flag names, or the first of names that is below the model's folder. What a flag names may have
// such a folder below it too, as a pipeline does. A model that is one file is the denoiser's.
func pick(given string, model folder, flag string, names ...string) (folder, error) {
	if given != "" {
		f := folder{weights.Disk, given}
		if sub, ok := f.below(names); ok {
			return sub, nil
		}
		return f, nil
	}
	if model.path == "" {
		return folder{}, fail(exitUsage,
			`"mgd3 pull" fetches published networks, "mgd3 train" makes your own, --model glyphs is in the program; docs/models.md has more`,
			fmt.Errorf("missing --model, or %s", flag))
	}
	if sub, ok := model.below(names); ok {
		return sub, nil
	}
	file, _ := weights.SplitSection(model.fsys, model.path)
	if info, err := fs.Stat(model.fsys, file); err == nil && !info.IsDir() {
		if flag == "--dit" {
			return model, nil
		}
		return folder{}, fail(exitUsage, flag+" names the other network",
			fmt.Errorf("%q is one file: missing %s", model.path, flag))
	}
	if _, err := fs.Stat(model.fsys, model.path); err != nil {
		return folder{}, fail(exitModel, flag+" names the folder of the network if it is elsewhere", err)
	}
	return folder{}, fail(exitModel, flag+" names its folder if it is elsewhere",
		fmt.Errorf("%q: has no folder %s", model.path, strings.Join(names, " or ")))
}

// below returns the first of the folders of these names in the folder.
func (f folder) below(names []string) (folder, bool) {
	for _, name := range names {
		dir := path.Join(f.path, name)
		if info, err := fs.Stat(f.fsys, dir); err == nil && info.IsDir() {
			return folder{f.fsys, dir}, true
		}
	}
	return folder{}, false
}

// labels returns what the pipeline that a denoiser's folder is part of calls the classes, in the order of their
// labels, nil if there is none or it does not say. A pipeline of another schedule is an error.
func (f folder) labels() ([]string, error) {
	if path.Base(f.path) != "transformer" {
		return nil, nil
	}
	p, err := dit.ReadPipelineFS(f.fsys, path.Dir(f.path))
	if p == nil || err != nil {
		return nil, fail(exitModel, "", err)
	}
	return p.Labels, nil
}

// openAutoencoder opens the autoencoder in a folder.
func (e *env) openAutoencoder(ctx context.Context, eng *engine.Engine, f folder) (*latent.Autoencoder, error) {
	a, err := latent.OpenFS(ctx, eng, f.fsys, f.path)
	if err != nil {
		return nil, fail(exitModel, "", err)
	}
	e.sayAll(a.Notes)
	return a, nil
}

// openDenoiser opens the denoiser in a folder.
func (e *env) openDenoiser(ctx context.Context, eng *engine.Engine, f folder) (*dit.Model, error) {
	m, err := dit.OpenFS(ctx, eng, f.fsys, f.path)
	if err != nil {
		return nil, fail(exitModel, "", err)
	}
	e.sayAll(m.Notes)
	return m, nil
}

// sayAll tells the user what was made of a weights file that holds more than a network.
func (e *env) sayAll(notes []string) {
	for _, n := range notes {
		e.say("%s", n)
	}
}

// denoiserConfig reads the configuration of the denoiser in the folder.
func (f folder) denoiserConfig() (dit.Config, error) {
	c, err := dit.ConfigFS(f.fsys, f.path)
	return c, fail(exitModel, "", err)
}

// lines returns the lines of a file in the folder, without empty ones, or nil if there is no such file.
func (f folder) lines(name string) ([]string, error) {
	text, err := weights.ReadText(f.fsys, path.Join(f.path, name))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) { // the latter of a model that is one file
		return nil, nil
	}
	if err != nil {
		return nil, fail(exitModel, "", err)
	}
	if text, err = textfile.Clean(text); err != nil {
		return nil, fail(exitModel, "", fmt.Errorf("%q: %w", path.Join(f.path, name), err))
	}
	var lines []string
	s := bufio.NewScanner(bytes.NewReader(text))
	for s.Scan() {
		if line := strings.TrimSpace(s.Text()); line != "" {
			lines = append(lines, line)
		}
	}
	if err := s.Err(); err != nil { // a line of more than 64 KiB
		return nil, fail(exitModel, "", fmt.Errorf("%q: line %d is no name: %w", path.Join(f.path, name), len(lines)+1,
			err))
	}
	return lines, nil
}
