package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/internal/atomicfile"
	"mgd3/report"
)

// sheetOptions are the flags of sheet.
type sheetOptions struct {
	run, data, split, out string
	classNames, labels    string
	rows, columns         int
}

func (e *env) sheetCmd() *cobra.Command {
	var o sheetOptions
	cmd := &cobra.Command{
		Use:   "sheet DIR",
		Short: "Draw a contact sheet: real images nearest to the modes above the synthetic ones",
		Long: `Draws a contact sheet of a distilled set as PNG. Each class has two rows: above, the real images
nearest to the modes; below, the synthetic image made from each mode. Without --data the real
images are left out.`,
		Example: `  mgd3 sheet --data pets.zip pets-10 --out pets-10.png`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.run = args[0]
			return e.sheet(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.data, "data", "", "the real images, as given to distill: a folder, a zip or a tar")
	f.StringVar(&o.split, "split", "", "sub-folder of --data; default as given to distill")
	labelFlags(f, &o.classNames, &o.labels)
	f.StringVarP(&o.out, "out", "o", "", "write `FILE`; default sheet.png in DIR")
	f.IntVar(&o.rows, "rows", 20, "show at most this many classes")
	f.IntVar(&o.columns, "columns", 10, "show at most this many images of a class")
	return cmd
}

func (e *env) sheet(ctx context.Context, o sheetOptions) error {
	if o.out == "" {
		o.out = filepath.Join(o.run, "sheet.png")
	}
	unlockRun, err := distill.LockReading(o.run)
	if err != nil {
		return fail(exitOutput, "wait for it to be finished", err)
	}
	defer unlockRun()
	if _, err := distill.ReadManifest(o.run); err != nil { // before anything is made
		return fail(exitInput, manifestHint(err), err)
	}
	unlock, err := atomicfile.Lock(o.out)
	if err != nil {
		return fail(exitOutput, "", err)
	}
	defer unlock()
	var sheet bytes.Buffer
	if err := e.drawSheet(ctx, &sheet, o); err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(o.out, sheet.Bytes()); err != nil {
		return fail(exitOutput, "", err)
	}
	if !e.quiet {
		fmt.Fprintln(e.stdout, o.out)
	}
	return nil
}

// drawSheet writes the sheet of a distilled set.
func (e *env) drawSheet(ctx context.Context, w io.Writer, o sheetOptions) error {
	m, err := distill.ReadManifest(o.run)
	if err != nil {
		return fail(exitInput, manifestHint(err), err)
	}
	var set *dataset.Set
	if o.data != "" {
		if set, err = o.openReal(ctx, e, m); err != nil {
			return fail(exitInput, "", err)
		}
		defer set.Close()
	}
	var rows []report.SheetRow
	for i, class := range m.Classes[:min(len(m.Classes), o.rows)] {
		class.Images = class.Images[:min(len(class.Images), o.columns)]
		row := report.SheetRow{Name: class.Name}
		if set != nil {
			if row.Real, err = nearest(ctx, set, set.Classes[i], class, m.Settings.Encode); err != nil {
				return fail(exitInput, "", err)
			}
		}
		for _, im := range class.Images {
			synthetic, err := readMade(o.run, im)
			if err != nil {
				return fail(exitInput, "", err)
			}
			row.Synthetic = append(row.Synthetic, synthetic)
		}
		rows = append(rows, row)
	}
	return report.Sheet(w, rows)
}

// openReal opens the images that the set was made from.
func (o sheetOptions) openReal(ctx context.Context, e *env, m *distill.Manifest) (*dataset.Set, error) {
	split := m.Settings.Encode.Split
	if o.split != "" {
		split = o.split
	}
	names, err := dataset.ParseClasses(o.classNames)
	if err != nil {
		return nil, err
	}
	var classes []string
	for _, class := range m.Classes {
		classes = append(classes, class.Name)
	}
	limit := m.Settings.Encode.Limit
	return e.openSet(ctx, o.data, dataset.OpenOptions{Split: split, Classes: classes, Names: names, Labels: o.labels, Limit: limit})
}

// nearest reads the real images nearest to the modes of a class, cropped as they were encoded.
func nearest(ctx context.Context, set *dataset.Set, real dataset.Class, made distill.ManifestClass, s distill.EncodeSettings) ([]*dataset.RGB, error) {
	byName := map[string]dataset.Ref{}
	for _, ref := range real.Images {
		byName[ref.Name] = ref
	}
	var refs []dataset.Ref
	for _, im := range made.Images {
		ref, ok := byName[im.Nearest]
		if !ok {
			return nil, fmt.Errorf("class %q: the set was made from an image %q, which --data has not", made.Name, im.Nearest)
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

// readMade reads an image of a set. One that is not as the manifest says is a [distill.ErrDamaged].
func readMade(run string, made distill.ManifestImage) (*dataset.RGB, error) {
	path, err := made.Path(run)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", distill.ErrDamaged, err)
	}
	data, err := atomicfile.Read(path, atomicfile.MostText)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%q: %w: it is not there", path, distill.ErrDamaged)
	}
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != made.SHA256 {
		return nil, fmt.Errorf("%q: %w: it is not as the manifest says", path, distill.ErrDamaged)
	}
	im, err := dataset.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return im, nil
}
