package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"mgd3/dit"
	"mgd3/engine"
	embedded "mgd3/glyphs/model"
	"mgd3/latent"
)

// folder is a folder of a model: on disk, or in the program.
type folder struct {
	fsys fs.FS
	path string
}

// disk is the system's files by their paths, relative to the working folder or not.
type disk struct{}

func (disk) Open(path string) (fs.File, error)     { return os.Open(path) }
func (disk) Stat(path string) (fs.FileInfo, error) { return os.Stat(path) }

// modelFolder returns the folder that --model names: glyphs is the model in the program, a folder of that
// name is ./glyphs.
func modelFolder(name string) folder {
	if name == glyphsSet {
		return folder{embedded.Files, "."}
	}
	return folder{disk{}, name}
}

// pick returns the folder a flag names, or the first of names that is below the model's folder.
func pick(given string, model folder, flag string, names ...string) (folder, error) {
	if given != "" {
		return folder{disk{}, given}, nil
	}
	if model.path == "" {
		return folder{}, fail(exitUsage, "", fmt.Errorf("missing --model, or %s", flag))
	}
	for _, name := range names {
		dir := path.Join(model.path, name)
		if info, err := fs.Stat(model.fsys, dir); err == nil && info.IsDir() {
			return folder{model.fsys, dir}, nil
		}
	}
	return folder{}, fail(exitModel, flag+" names its folder if it is elsewhere", fmt.Errorf("%s: has no folder %s", model.path, strings.Join(names, " or ")))
}

// autoencoder opens the autoencoder in the folder.
func (f folder) autoencoder(ctx context.Context, e *engine.Engine) (*latent.Autoencoder, error) {
	a, err := latent.OpenFS(ctx, e, f.fsys, f.path)
	return a, fail(exitModel, "", err)
}

// denoiser opens the denoiser in the folder.
func (f folder) denoiser(ctx context.Context, e *engine.Engine) (*dit.Model, error) {
	m, err := dit.OpenFS(ctx, e, f.fsys, f.path)
	return m, fail(exitModel, "", err)
}

// denoiserConfig reads the configuration of the denoiser in the folder.
func (f folder) denoiserConfig() (dit.Config, error) {
	c, err := dit.ConfigFS(f.fsys, f.path)
	return c, fail(exitModel, "", err)
}

// lines returns the lines of a file in the folder, without empty ones, or nil if there is no such file.
func (f folder) lines(name string) ([]string, error) {
	text, err := fs.ReadFile(f.fsys, path.Join(f.path, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fail(exitModel, "", err)
	}
	var lines []string
	s := bufio.NewScanner(strings.NewReader(string(text)))
	for s.Scan() {
		if line := strings.TrimSpace(s.Text()); line != "" {
			lines = append(lines, line)
		}
	}
	return lines, fail(exitModel, "", s.Err())
}
