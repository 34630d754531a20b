package glyphs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"mgd3/dataset"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
)

// ErrOthers says that a folder holds other files than the images to be written to it.
var ErrOthers = errors.New("files of others")

// strange is an ErrOthers.
type strange struct {
	path   string
	images int
}

func (s strange) Is(target error) bool { return target == ErrOthers }
func (s strange) Error() string {
	return fmt.Sprintf("%s: is not one of the %d images of its class", s.path, s.images)
}

// Written is what [WriteSet] made of a set.
type Written struct {
	Split   string `json:"split"`
	Classes int    `json:"classes"`
	Images  int    `json:"images"`
	Kept    int    `json:"kept"` // of them, that were there
	Folder  string `json:"folder"`
}

// WriteSet writes the images of a split as OUT/SPLIT/CLASS/NUMBER.png, and tells each of a class that is done, of whose
// images so many were there. A folder of a class with other files in it is an [ErrOthers].
func WriteSet(ctx context.Context, out, split string, set *dataset.Set,
	each func(class dataset.Class, kept int)) (Written, error) {
	w := Written{Split: split, Classes: len(set.Classes), Folder: filepath.Join(out, split)}
	for _, class := range set.Classes {
		kept, err := write(ctx, filepath.Join(w.Folder, class.Name), set, class)
		if err != nil {
			return w, err
		}
		w.Images += len(class.Images)
		w.Kept += kept
		each(class, kept)
	}
	return w, nil
}

// Text says so in a line.
func (w Written) Text(to io.Writer) error {
	_, err := fmt.Fprintf(to, "%s: %d classes, %d images, %d of them there already\n", w.Folder, w.Classes, w.Images,
		w.Kept)
	return err
}

// Split is the images of a split.
type Split struct {
	Name string
	Set  *dataset.Set
}

// OpenSplits opens a split, or all of them where name is "".
func OpenSplits(name string, o Options) (list []Split, err error) {
	names := []string{name}
	if name == "" {
		names = Splits
	}
	for _, name := range names {
		set, err := Open(name, o)
		if err != nil {
			return nil, err
		}
		list = append(list, Split{name, set})
	}
	return list, nil
}

// StageDraw is the stage of the events of WriteAll; they count images.
const StageDraw = "draw"

// WriteAll is [WriteSet] of all splits, with events for progress, and each that is written told of.
func WriteAll(ctx context.Context, out string, splits []Split, report func(stage.Event),
	written func(Written) error) error {
	event := stage.Event{Stage: StageDraw}
	for _, s := range splits {
		event.Total += s.Set.Len()
	}
	for _, s := range splits {
		w, err := WriteSet(ctx, out, s.Name, s.Set, func(class dataset.Class, kept int) {
			event.Class = class.Name
			event.Done += len(class.Images)
			event.Kept += kept
			report(event)
		})
		if err != nil {
			return err
		}
		if err := written(w); err != nil {
			return err
		}
	}
	return nil
}

// write writes the images of a class to a folder that may hold some of them, and no other visible file: else it is an
// [ErrOthers] that names one. It returns how many were there.
func write(ctx context.Context, dir string, set *dataset.Set, class dataset.Class) (kept int, err error) {
	if err := checkNoOthers(dir, class); err != nil {
		return 0, err
	}
	const workers = 8 // waiting for the disk, most of the time
	kepts := make([]int, workers)
	group, ctx := errgroup.WithContext(ctx)
	for k := range workers {
		group.Go(func() error {
			for i := k; i < len(class.Images); i += workers {
				if err := ctx.Err(); err != nil {
					return err
				}
				same, err := writeImage(filepath.Join(dir, class.Images[i].Name), set, class.Images[i])
				if err != nil {
					return err
				}
				if same {
					kepts[k]++
				}
			}
			return nil
		})
	}
	err = group.Wait()
	for _, n := range kepts {
		kept += n
	}
	return kept, err
}

// writeImage writes one image, unless the same file is there.
func writeImage(path string, set *dataset.Set, ref dataset.Ref) (same bool, err error) {
	data, err := set.Read(ref)
	if err != nil {
		return false, err
	}
	if have, err := atomicfile.Read(path, int64(len(data))); err == nil && bytes.Equal(have, data) {
		return true, nil
	}
	return false, atomicfile.WriteBytes(path, data)
}

// checkNoOthers says which visible file of the folder is not an image of the class.
func checkNoOthers(dir string, class dataset.Class) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	names := map[string]bool{}
	for _, ref := range class.Images {
		names[ref.Name] = true
	}
	for _, entry := range entries {
		name := entry.Name()
		if !names[name] && !strings.HasPrefix(name, ".") {
			return strange{filepath.Join(dir, name), len(class.Images)}
		}
	}
	return nil
}
