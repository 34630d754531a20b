package compare

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/encode"
	"mgd3/internal/fault"
	"mgd3/report"
	"mgd3/sets"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/store"
)

// SheetFile is where the sheet of a set is written if nothing else is asked for: in its folder, or beside its file.
func SheetFile(set string) string {
	if info, err := store.Stat(set); err == nil && info.IsDir() {
		return filepath.Join(set, "sheet.png")
	}
	return set + "-sheet.png"
}

// SheetOf is [Sheet] with the real images of a set as people name it, of the part and as many as the run took if they
// do not say; without a path there are none.
func SheetOf(ctx context.Context, o *sets.Opener, run string, m *distill.Manifest, data sets.Spec, classes,
	images int) ([]byte, error) {
	var real *dataset.Set
	if data.Path != "" {
		made := m.Settings.Encode
		data.Split, data.Limit = cmp.Or(data.Split, made.Split), made.Limit
		var err error
		if real, err = o.Alike(ctx, data, m.ClassNames()); err != nil {
			return nil, fault.Of(fault.Input, err)
		}
		defer real.Close()
	}
	sheet, err := Sheet(ctx, run, m, real, classes, images)
	if errors.Is(err, report.ErrNoImages) {
		return nil, err
	}
	return sheet, fault.Of(fault.Input, err)
}

// Sheet is the first images of the first classes of a distilled set as a contact sheet, PNG: above, of the real
// images given, those nearest to the modes; below, the image made from each mode. run is the folder of the set and m
// its manifest; real are the images it was made from, with its classes in their order, or nil.
func Sheet(ctx context.Context, run string, m *distill.Manifest, real *dataset.Set, classes,
	images int) ([]byte, error) {
	var rows []report.SheetRow
	for i, class := range m.Classes[:min(len(m.Classes), classes)] {
		class.Images = class.Images[:min(len(class.Images), images)]
		row := report.SheetRow{Name: class.Name}
		var err error
		if real != nil {
			if row.Real, err = nearest(ctx, real, real.Classes[i], class, m.Settings.Encode); err != nil {
				return nil, err
			}
		}
		for _, im := range class.Images {
			synthetic, err := readMade(run, im)
			if err != nil {
				return nil, err
			}
			row.Synthetic = append(row.Synthetic, synthetic)
		}
		rows = append(rows, row)
	}
	var sheet bytes.Buffer
	err := report.Sheet(&sheet, rows)
	return sheet.Bytes(), err
}

// nearest reads the real images nearest to the modes of a class, cropped as they were encoded.
func nearest(ctx context.Context, set *dataset.Set, real dataset.Class, made distill.ManifestClass,
	s encode.Settings) ([]*dataset.RGB, error) {
	byName := map[string]dataset.Ref{}
	for _, ref := range real.Images {
		byName[ref.Name] = ref
	}
	var refs []dataset.Ref
	for _, im := range made.Images {
		ref, ok := byName[im.Nearest]
		if !ok {
			return nil, fmt.Errorf("class %q: the set was made from an image %q, which --data has not", made.Name,
				im.Nearest)
		}
		refs = append(refs, ref)
	}
	var images []*dataset.RGB
	for sample := range set.Load(ctx, refs, s.LoadOptions()) {
		if sample.Err != nil {
			return nil, sample.Err
		}
		images = append(images, sample.Image)
	}
	return images, ctx.Err()
}

// readMade reads an image of a set. One that is not as the manifest says is a [stage.ErrDamaged].
func readMade(run string, made distill.ManifestImage) (*dataset.RGB, error) {
	path, err := made.Path(run)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", stage.ErrDamaged, err)
	}
	data, err := atomicfile.Read(path, atomicfile.MostText)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%q: %w: it is not there", path, stage.ErrDamaged)
	}
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != made.SHA256 {
		return nil, fmt.Errorf("%q: %w: it is not as the manifest says", path, stage.ErrDamaged)
	}
	im, err := dataset.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return im, nil
}
