package encode

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"mgd3/latent"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/store"
)

// ReadRecord reads the settings of a folder that [Run.Do] wrote latents to. A folder without is an [stage.ErrStage].
func ReadRecord(dir string) (Record, error) {
	var c Record
	if err := stage.ReadLocked(dir, &c); err != nil {
		return Record{}, err
	}
	if err := c.Check(); err != nil {
		return Record{}, fmt.Errorf("%s: %w", dir, err)
	}
	return c, nil
}

// File is the path of the latents of a class in a folder of latents.
func File(dir, class string) string { return filepath.Join(dir, class+".safetensors") }

// Open opens the latents of a class in a folder that [Run.Do] wrote them to. Latents that are not there are an
// [stage.ErrStage].
func Open(dir, class string) (*latent.Class, error) {
	c, err := latent.OpenClass(File(dir, class))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", stage.ErrStage, err)
	}
	return c, err
}

// SeedDir is the folder of the latents of one encoding seed in a cache that runs of several seeds share:
//
//	DIR           latents of seed 0, or of whichever seed they are there
//	DIR/seed-1    latents of seed 1
//
// own says that DIR, if it is empty, is for this seed whatever it is: the folder of a run's own.
func SeedDir(dir string, seed uint64, own bool) string {
	cache, err := ReadRecord(dir)
	switch {
	case err == nil && cache.Settings.Seed == seed:
		return dir
	case err != nil && (own || seed == 0), store.Failed(err): // empty; or not to be read, which is said when it is used
		return dir
	case errors.Is(err, stage.ErrDamaged) && !exists(filepath.Join(dir, seedDir(seed))): // perhaps of this seed
		return dir
	}
	return filepath.Join(dir, seedDir(seed))
}

func seedDir(seed uint64) string { return fmt.Sprintf("seed-%d", seed) }

func exists(path string) bool {
	there, err := atomicfile.Exists(path)
	return there && err == nil
}
