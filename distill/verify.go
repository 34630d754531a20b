package distill

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Verify compares an output folder's images with its manifest and returns what is wrong, one line
// each: files that are missing, changed, or not of the set. An error means that it could not be compared.
func Verify(ctx context.Context, out string) (faults []string, err error) {
	m, err := ReadManifest(out)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, class := range m.Classes {
		for _, im := range class.Images {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if !filepath.IsLocal(im.File) {
				faults = append(faults, fmt.Sprintf("%s: the manifest names a file outside the set", im.File))
				continue
			}
			path := filepath.Join(out, filepath.FromSlash(im.File))
			known[path] = true
			data, err := os.ReadFile(path)
			switch {
			case errors.Is(err, os.ErrNotExist):
				faults = append(faults, fmt.Sprintf("%s: missing", im.File))
			case err != nil:
				return nil, err
			case digest(data) != im.SHA256:
				faults = append(faults, fmt.Sprintf("%s: has SHA-256 %s, want %s", im.File, digest(data), im.SHA256))
			}
		}
	}
	err = filepath.WalkDir(ImagesDir(out), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && !known[path] {
			rel, _ := filepath.Rel(out, path)
			faults = append(faults, fmt.Sprintf("%s: not in the manifest", filepath.ToSlash(rel)))
		}
		return err
	})
	if errors.Is(err, os.ErrNotExist) {
		err = nil // every image has been called missing
	}
	return faults, err
}
