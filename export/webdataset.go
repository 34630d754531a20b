package export

import (
	"archive/tar"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"mgd3/stage/atomicfile"
)

// shardBytes is the usual size of a shard.
const shardBytes = 500_000_000

// webDataset writes tars, the names of the classes one a line, and the manifest. A key counts the images from 0: it
// may have no dot, which names of classes may.
func (s *set) webDataset(ctx context.Context, out string, o Options) error {
	limit := o.Shard
	if limit == 0 {
		limit = shardBytes
	}
	// Pulled, and not ranged over: the image that does not fit into one tar is the first of the next.
	next, stop := iter.Pull2(s.images(ctx))
	defer stop()
	p, err, more := next()
	key := 0
	for shard := 0; more; shard++ {
		write := func(w io.Writer) error {
			t := tar.NewWriter(w)
			// The first image of a tar is taken whatever its size, so that the loop ends.
			for size := int64(0); more && (size == 0 || size+int64(len(p.data)) <= limit); key++ {
				if err != nil {
					return err
				}
				if err := s.addSample(t, key, p); err != nil {
					return err
				}
				size += int64(len(p.data))
				p, err, more = next()
			}
			return t.Close()
		}
		if err := atomicfile.Write(filepath.Join(out, fmt.Sprintf("train-%06d.tar", shard)), write); err != nil {
			return err
		}
	}
	if err := writeFile(filepath.Join(out, classesName), []byte(strings.Join(s.classNames(), "\n")+"\n")); err != nil {
		return err
	}
	return writeFile(filepath.Join(out, manifestName), s.manifest)
}

// addSample adds the three files of an image, one after the other: readers take files with the same key for one sample
// only where they are adjacent.
func (s *set) addSample(t *tar.Writer, key int, p picture) error {
	about, err := json.Marshal(struct {
		Label int             `json:"label"`
		Class string          `json:"class"`
		Image json.RawMessage `json:"image"` // as in the manifest
	}{p.class, s.classes[p.class].Name, p.entry})
	if err != nil {
		return err
	}
	for _, file := range []struct {
		ending string
		data   []byte
	}{{"cls", []byte(strconv.Itoa(p.class))}, {"json", about}, {"png", p.data}} {
		h := &tar.Header{
			Typeflag: tar.TypeReg, Name: fmt.Sprintf("%08d.%s", key, file.ending), Size: int64(len(file.data)),
			Mode:    0o644,
			ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR,
		}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(file.data); err != nil {
			return err
		}
	}
	return nil
}
