package distill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/store"
)

// ErrShard says that a folder holds no shard with images.
var ErrShard = errors.New("not a shard with images")

// Merge copies the files of shards that were run into folders of their own into out, and writes the
// manifest if they make a whole; otherwise it returns nil. warn is told of damaged settings in out that are made again.
func Merge(ctx context.Context, out string, shards []string, warn func(string)) (*Manifest, error) {
	c, err := checkShards(ctx, shards)
	if err != nil {
		return nil, err
	}
	if m, err := ReadManifest(out); err == nil && !m.whole() {
		return nil, fmt.Errorf("%q %w: it is a set that was put together or read, and no run", out, stage.ErrOther)
	}
	ours := func() (bool, error) { return c.samplesAre(out) }
	for _, record := range []struct {
		dir string
		of  any
	}{{modesDir(out), c.Modes}, {samplesDir(out), c}} {
		healed, err := stage.LockSettings(record.dir, record.of, ours)
		if err != nil {
			return nil, err
		}
		if healed != nil {
			warn(fmt.Sprintf("%v: made again", healed))
		}
	}
	parts := []func(string) string{modesDir, ImagesDir, samplesDir}
	if c.Settings.Choose == ChooseS3 { // the images are chosen when all are here
		parts = []func(string) string{modesDir, candidatesDir}
	}
	for _, shard := range shards {
		for _, stage := range parts {
			if err := copyTree(ctx, stage(out), stage(shard)); err != nil {
				return nil, err
			}
		}
	}
	return Finish(out)
}

// checkShards makes sure that folders hold shards of one run, and that none of their files is damaged. A folder without
// is an [ErrShard], a shard of another run than the first's an [stage.ErrOther], a damaged file an [stage.ErrDamaged].
func checkShards(ctx context.Context, shards []string) (samplesRecord, error) {
	var first samplesRecord
	for i, shard := range shards {
		var c samplesRecord
		info, err := store.Stat(shard)
		if err != nil {
			return samplesRecord{}, fmt.Errorf("%w: %w", ErrShard, err)
		}
		if !info.IsDir() {
			return samplesRecord{}, fmt.Errorf("%q: %w: it is a file, want a folder", shard, ErrShard)
		}
		err = stage.ReadLocked(samplesDir(shard), &c)
		if errors.Is(err, stage.ErrStage) {
			if _, err := ReadManifest(shard); err == nil { // [AreSets] has found one that is none
				return samplesRecord{}, fmt.Errorf("%q: %w: it is a finished set, which is put together with others "+
					"only", shard, ErrShard)
			}
			return samplesRecord{},
				fmt.Errorf("%q: %w: there is no %q", shard, ErrShard,
					filepath.Join(samplesDir(shard), stage.SettingsFile))
		}
		if err == nil {
			err = c.Check()
		}
		if err != nil {
			return samplesRecord{}, fmt.Errorf("%q: %w", shard, err)
		}
		if i == 0 {
			first = c
		}
		if name, here, there := stage.DifferenceOf(c, first); name != "" {
			return samplesRecord{},
				fmt.Errorf("%q %w: %s is %s there and %s in %q", shard, stage.ErrOther, name, here, there, shards[0])
		}
		for _, g := range c.groups(shard) {
			if err := checkShard(ctx, shard, g); err != nil {
				return samplesRecord{}, err
			}
		}
	}
	return first, nil
}

// checkShard holds the files of a shard against their checksums.
func checkShard(ctx context.Context, shard string, c group) error {
	for i, class := range c.Modes.Latents.Classes {
		modes, err := c.Modes.read(shard, class)
		if errors.Is(err, stage.ErrStage) {
			continue // another shard's class
		}
		if err != nil {
			return err
		}
		for j := range modes.Centres.Rows {
			if err := ctx.Err(); err != nil {
				return err
			}
			im := c.image(i, j)
			_, about, err := readSample(im.latent(c.dir), c.key(im, modes.Key), -1)
			if errors.Is(err, os.ErrNotExist) || errors.Is(err, errStale) {
				continue // another shard's image; Finish knows old ones
			}
			if err != nil {
				return err
			}
			data, err := atomicfile.Read(im.png(c.dir), mostPNG)
			if errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("%q: %w: it is not there, and its latent is", im.png(c.dir), stage.ErrDamaged)
			}
			if err != nil {
				return err
			}
			if digest(data) != about["image"] {
				return fmt.Errorf("%q: %w: it is not as it was written", im.png(c.dir), stage.ErrDamaged)
			}
		}
	}
	return nil
}

// copyTree copies the files below src to dst, except hidden ones and settings, which [stage.LockSettings] writes.
func copyTree(ctx context.Context, dst, src string) error {
	files, err := atomicfile.List(ctx, src)
	if err != nil {
		return err
	}
	for _, name := range files {
		if base := path.Base(name); strings.HasPrefix(base, ".") || base == stage.SettingsFile {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := copyFile(filepath.Join(dst, filepath.FromSlash(name)),
			filepath.Join(src, filepath.FromSlash(name))); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(dst, src string) error {
	f, err := atomicfile.Open(src)
	if err != nil {
		return err
	}
	defer f.Close()
	return atomicfile.Write(dst, func(w io.Writer) error { _, err := io.Copy(w, f); return err })
}
