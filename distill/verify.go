package distill

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/store"
)

// Verify compares an output folder's images with its manifest, and the latents, modes, samples and settings that are
// there with their checksums, with each other and with the manifest. It returns what is wrong, one line each: files
// that are missing, changed, or not of the set; and what could not be checked. An error means that nothing could be
// compared, or that a store or a file system failed.
//
// A damaged manifest is a fault. The images are then held against the manifest that the stages make, where they do.
func Verify(ctx context.Context, out string) (faults, unchecked []string, err error) {
	m, text, err := readManifest(out)
	damaged := errors.Is(err, stage.ErrDamaged) || errors.Is(err, atomicfile.ErrNotRegular)
	if err != nil && (!damaged || store.Failed(err)) {
		return nil, nil, err
	}
	v := &stages{out: out, old: map[string]int{}}
	if err != nil {
		v.wrong(filepath.Join(out, manifestName), err)
	} else {
		if v.faults, err = verifyImages(ctx, out, m); err != nil {
			return nil, nil, err
		}
		if !m.whole() { // its parts are to be verified where they are
			v.faults = append(append(v.faults, m.mergedFaults()...), m.reviewFaults(out)...)
			v.unchecked = append(v.unchecked, "what the set was made from: not in this folder, not checked")
			return v.faults, v.unchecked, nil
		}
		v.text(text, m)
	}
	made, err := v.check(ctx)
	if err == nil {
		err = v.outage
	}
	switch {
	case err != nil:
		return nil, nil, err
	case m != nil && made != nil:
		v.manifest(m, made)
	case m == nil && made != nil:
		faults, err := verifyImages(ctx, out, made)
		v.faults = append(v.faults, faults...)
		return v.faults, v.unchecked, err
	case m == nil:
		v.unchecked = append(v.unchecked, "the images: not checked, since nothing says what they must be")
	}
	return v.faults, v.unchecked, nil
}

// verifyImages compares the images with the manifest.
func verifyImages(ctx context.Context, out string, m *Manifest) (faults []string, err error) {
	known := map[string]bool{}
	for _, class := range m.Classes {
		for _, im := range class.Images {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			path, err := im.Path(out)
			if err != nil {
				faults = append(faults, err.Error())
				continue
			}
			known[path] = true
			data, err := atomicfile.Read(path, mostPNG)
			switch {
			case store.Failed(err):
				return nil, err
			case errors.Is(err, os.ErrNotExist):
				faults = append(faults, fmt.Sprintf("%s: missing", im.File))
			case err != nil:
				faults = append(faults, fmt.Sprintf("%s: %v", im.File, err))
			case digest(data) != im.SHA256:
				faults = append(faults, fmt.Sprintf("%s: has SHA-256 %s, want %s", im.File, digest(data), im.SHA256))
			}
		}
	}
	files, err := atomicfile.List(ctx, ImagesDir(out))
	for _, name := range files {
		if !known[filepath.Join(ImagesDir(out), filepath.FromSlash(name))] {
			faults = append(faults, fmt.Sprintf("images/%s: not in the manifest", name))
		}
	}
	if errors.Is(err, os.ErrNotExist) {
		err = nil // every image has been called missing
	}
	return faults, err
}
