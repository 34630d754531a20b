package train

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"mgd3/dataset"
	"mgd3/encode"
	"mgd3/stage"
)

// Images says which images a network is trained on, and how they are read: all of them, whole and upright. There is no
// passing over an unreadable one.
type Images struct {
	Split      string // sub-folder of the set, "train" say; "" if it has none
	Limit      int    // take the first images of each class by file name; 0 means all
	Size       int    // pixels of a side after the crop
	Crop       string // one of [encode.Crops]
	IgnoreEXIF bool   // keep the stored orientation
}

// Check names the first setting out of its range.
func (i Images) Check() error { return i.settings().Check() }

// encode is how the images are encoded: to the means of their posteriors, and none mirrored by chance.
func (i Images) settings() encode.Settings {
	return encode.Settings{Split: i.Split, Limit: i.Limit, Size: i.Size, Crop: i.Crop, IgnoreEXIF: i.IgnoreEXIF}
}

// MarshalJSON writes what training.json has always had: all settings of encoding.
func (i Images) MarshalJSON() ([]byte, error) { return json.Marshal(i.settings()) }

// UnmarshalJSON is the inverse of MarshalJSON.
func (i *Images) UnmarshalJSON(text []byte) error {
	var s encode.Settings
	err := json.Unmarshal(text, &s)
	*i = Images{s.Split, s.Limit, s.Size, s.Crop, s.IgnoreEXIF}
	return err
}

func (i Images) loadOptions() dataset.LoadOptions { return i.settings().LoadOptions() }

// keepBytes is up to how much of pixels is kept in memory; a larger set is decoded anew in every epoch.
const keepBytes = 1 << 30

// pictures are the images of all classes, in order, cropped.
type pictures struct {
	set  *dataset.Set
	how  Images
	refs []dataset.Ref
	kept []*dataset.RGB // nil where the set is too large
}

// pictures decodes the set, where it fits into memory.
func (o *Options) pictures(ctx context.Context) (*pictures, error) {
	p := &pictures{set: o.Data, how: o.Images}
	for _, class := range o.Data.Classes {
		p.refs = append(p.refs, class.Images...)
	}
	if len(p.refs) == 0 {
		return nil, fmt.Errorf("%w: it has no images", dataset.ErrSet)
	}
	if len(p.refs)*3*p.how.Size*p.how.Size > keepBytes {
		return p, nil
	}
	done := 0
	kept := make([]*dataset.RGB, 0, len(p.refs))
	for sample := range p.set.Load(ctx, p.refs, p.how.loadOptions()) {
		if sample.Err != nil {
			return nil, sample.Err
		}
		kept = append(kept, sample.Image)
		done++
		o.report(Event{Event: stage.Event{Stage: StageRead, Done: done, Total: len(p.refs), Class: sample.Ref.Class}})
	}
	p.kept = kept
	return p, ctx.Err()
}

// take returns the images at the given places, in their order. Those that are kept are shared: they must not be
// changed.
func (p *pictures) take(ctx context.Context, at []int) ([]*dataset.RGB, error) {
	images := make([]*dataset.RGB, 0, len(at))
	if p.kept != nil {
		for _, i := range at {
			images = append(images, p.kept[i])
		}
		return images, nil
	}
	refs := make([]dataset.Ref, len(at))
	for j, i := range at {
		refs[j] = p.refs[i]
	}
	for sample := range p.set.Load(ctx, refs, p.how.loadOptions()) {
		if sample.Err != nil {
			return nil, sample.Err
		}
		images = append(images, sample.Image)
	}
	return images, ctx.Err()
}

// contentHash is the SHA-256, hex, of the names and the files of all images in order: for every image its class and its
// name, each ended by a zero byte, and the SHA-256 of its file.
func contentHash(ctx context.Context, set *dataset.Set) (string, error) {
	all := sha256.New()
	for _, class := range set.Classes {
		sums := make([][sha256.Size]byte, len(class.Images))
		group, inner := errgroup.WithContext(ctx)
		group.SetLimit(runtime.GOMAXPROCS(0))
		for i, ref := range class.Images {
			group.Go(func() error {
				if err := inner.Err(); err != nil {
					return err
				}
				data, err := set.Read(ref)
				sums[i] = sha256.Sum256(data)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return "", err
		}
		for i, ref := range class.Images {
			fmt.Fprintf(all, "%s\x00%s\x00", class.Name, ref.Name)
			all.Write(sums[i][:])
		}
	}
	return hex.EncodeToString(all.Sum(nil)), nil
}
