package distill

import (
	"errors"
	"fmt"
	"path/filepath"

	"mgd3/stage"
	"mgd3/stage/atomicfile"
)

// SeedLatents is the folder of the latents of one encoding seed in a cache that runs of several seeds share:
//
//	DIR           latents of seed 0, or of whichever seed they are there
//	DIR/seed-1    latents of seed 1
//
// own says that DIR, if it is empty, is for this seed whatever it is: the folder of a run's own.
func SeedLatents(dir string, seed uint64, own bool) string {
	cache, err := ReadCache(dir)
	switch {
	case err == nil && cache.Settings.Seed == seed:
		return dir
	case err != nil && (own || seed == 0): // empty; or it cannot be read, which is said when it is used
		return dir
	case errors.Is(err, stage.ErrDamaged) && !exists(filepath.Join(dir, seedDir(seed))): // perhaps they are those of this seed
		return dir
	}
	return filepath.Join(dir, seedDir(seed))
}

func seedDir(seed uint64) string { return fmt.Sprintf("seed-%d", seed) }

func exists(path string) bool {
	there, err := atomicfile.Exists(path)
	return there && err == nil
}
