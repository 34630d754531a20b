package export

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/internal/fault"
	"mgd3/sets"
	"mgd3/stage"
)

// Finished returns the folder of the finished set at a path. A set that somebody else made, of tensors or of images,
// becomes one in a folder for the time being, which close removes.
func Finished(ctx context.Context, o *sets.Opener, s sets.Spec) (dir string, close func(), err error) {
	if sets.IsRun(s.Path) {
		return s.Path, func() {}, nil // what reads it says what is wrong
	}
	options, err := s.Options()
	if err != nil {
		return "", nil, err
	}
	made, err := o.Made(ctx, s.Path, options)
	if err != nil {
		// Of a folder of images the error that counts is that of the reader of finished sets, which says what was
		// wanted.
		tensors, errTensors := sets.IsTensors(s.Path, s.Split)
		info, errStat := os.Stat(s.Path)
		if errStat == nil && errTensors == nil && info.IsDir() && !tensors {
			return s.Path, func() {}, nil
		}
		return "", nil, fault.Of(fault.Input, err)
	}
	defer made.Images.Close()
	about := distill.Imported{Name: filepath.Base(s.Path)}
	if made.Tensors != nil {
		about.Pixels, about.Notes = string(made.Tensors.Pixels), made.Tensors.Notes
	}
	tmp, err := os.MkdirTemp("", "mgd3-set-")
	if err != nil {
		return "", nil, err
	}
	close = func() { _ = os.RemoveAll(tmp) }
	// The folder has the set's own name, which becomes the title of a card.
	dir = filepath.Join(tmp, filepath.Base(filepath.Clean(s.Path)))
	if err := importSet(ctx, made.Images, about, dir); err != nil {
		close()
		return "", nil, err
	}
	return dir, close, nil
}

// importSet writes the images of a set and a manifest that says where they are from.
func importSet(ctx context.Context, set *dataset.Set, about distill.Imported, dir string) error {
	// the fields of a [distill.Manifest] that an imported set has: no settings, no networks
	m := struct {
		Format   int                     `json:"format"`
		Version  string                  `json:"version"`
		Imported distill.Imported        `json:"imported"`
		Classes  []distill.ManifestClass `json:"classes"`
	}{1, stage.Version, about, nil}
	for label, class := range set.Classes {
		if !isName(class.Name) {
			return fmt.Errorf("class %.60q: %w: the name cannot be that of a folder", class.Name, ErrSet)
		}
		entry := distill.ManifestClass{Name: class.Name, Label: int32(label)}
		for sample := range set.Load(ctx, class.Images, dataset.LoadOptions{}) {
			if sample.Err != nil {
				return sample.Err
			}
			var b bytes.Buffer
			if err := dataset.WritePNG(&b, sample.Image); err != nil {
				return err
			}
			j := len(entry.Images)
			file := distill.ImageFile(class.Name, j)
			if err := writeFile(filepath.Join(dir, filepath.FromSlash(file)), b.Bytes()); err != nil {
				return err
			}
			// no modes are known: each image counts as one of its own
			entry.Images = append(entry.Images, distill.ManifestImage{File: file, Mode: j,
				SHA256: fmt.Sprintf("%x", sha256.Sum256(b.Bytes()))})
		}
		m.Classes = append(m.Classes, entry)
	}
	data, err := json.MarshalIndent(m, "", "  ")
	if err = errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, manifestName), append(data, '\n'))
}
