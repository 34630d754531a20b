package distill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"mgd3/internal/atomicfile"
)

// Merge copies the files of shards that were run into folders of their own into out, and writes the
// manifest if they make a whole; otherwise it returns nil. A shard of another run is an [ErrOther].
func Merge(ctx context.Context, out string, shards []string) (*Manifest, error) {
	for _, shard := range shards {
		if err := mergeOne(ctx, out, shard); err != nil {
			return nil, err
		}
	}
	return Finish(out)
}

func mergeOne(ctx context.Context, out, shard string) error {
	var c samplesClaim
	if err := readClaim(samplesDir(shard), &c); err != nil {
		return fmt.Errorf("%s: not a shard with images: %w", shard, err)
	}
	if err := c.check(); err != nil {
		return fmt.Errorf("%s: %w", shard, err)
	}
	if err := errors.Join(Claim(modesDir(out), c.Modes), Claim(samplesDir(out), c)); err != nil {
		return fmt.Errorf("%s: %w", shard, err)
	}
	for _, stage := range []func(string) string{modesDir, ImagesDir, samplesDir} {
		if err := copyTree(ctx, stage(out), stage(shard)); err != nil {
			return err
		}
	}
	return nil
}

// copyTree copies the files below src to dst, except hidden ones.
func copyTree(ctx context.Context, dst, src string) error {
	return filepath.WalkDir(src, func(path string, entry fs.DirEntry, err error) error {
		if err = errors.Join(err, ctx.Err()); err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		rel, err := filepath.Rel(src, path)
		if err != nil {
			return err
		}
		return copyFile(filepath.Join(dst, rel), path)
	})
}

func copyFile(dst, src string) error {
	f, err := atomicfile.Open(src)
	if err != nil {
		return err
	}
	defer f.Close()
	return atomicfile.Write(dst, func(w io.Writer) error { _, err := io.Copy(w, f); return err })
}
