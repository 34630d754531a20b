package baseline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"reflect"
	"slices"

	"mgd3/coreset"
	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/encode"
	"mgd3/latent"
	"mgd3/matrix"
	"mgd3/modes"
	"mgd3/rng"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
)

// StageChoose is the stage of a stage.Event in which real images are chosen and written; its units are images.
const StageChoose = "choose"

// Chosen is the manifest of a set of real images, manifest.json as [distill.Verify] reads it. It holds no times and no
// paths of the machine, so equal runs give equal bytes.
type Chosen struct {
	Format  int           `json:"format"`
	Version string        `json:"version"`
	Made    chosenRecord  `json:"made"`
	Classes []ChosenClass `json:"classes"`
}

// chosenRecord is all that a choice depends on besides the images, settings.json in the folder of the samples: no other
// run can take the folder.
type chosenRecord struct {
	ID
	Encode  encode.Settings       `json:"encode"`
	Classes []string              `json:"classes"`
	Modes   *distill.ModeSettings `json:"modes,omitempty"` // of nearest
	// SHA-256 of the weights whose latents are the features
	Autoencoder string `json:"autoencoder,omitempty"`
	Backend     string `json:"backend,omitempty"`
}

// ChosenClass is one class of a choice.
type ChosenClass struct {
	Name string `json:"name"`
	// names what was chosen from: the key of the latents, or the hash of the files' names, sizes and times
	From    string           `json:"from"`
	Real    int              `json:"real"` // images that were chosen from
	Skipped []latent.Skipped `json:"skipped,omitempty"`
	Images  []ChosenImage    `json:"images"`
}

// ChosenImage is one image of a choice.
type ChosenImage struct {
	File   string `json:"file"`   // below the set's folder, with slashes
	SHA256 string `json:"sha256"` // of the file
	Source string `json:"source"` // name of the real image in its class
}

const (
	chosenName   = "manifest.json"
	chosenFormat = 1 // that of distill's manifests
)

// choose makes a set of real images.
func (o *Maker) choose(ctx context.Context, set ID, dir string) error {
	record, err := o.record(set)
	if err != nil {
		return err
	}
	old := readChosen(dir)
	healed, err := stage.LockSettings(filepath.Join(dir, "samples"), record,
		func() (bool, error) { return old.is(record, dir), nil })
	if err != nil {
		return err
	}
	if healed != nil {
		o.report(set, stage.Event{Stage: StageChoose, Warning: fmt.Sprintf("%v: made again", healed)})
	}
	run := o.Run(set, dir)
	if set.Method != Random {
		if err := run.Encode(ctx); err != nil {
			return err
		}
	}
	if set.Method == Nearest {
		if err := run.Discover(ctx); err != nil {
			return err
		}
	}
	c := chooser{Maker: o, set: set, dir: dir}
	c.event = stage.Event{Stage: StageChoose, Total: set.IPC * len(o.Train.Classes)}
	if set.Method == Random { // which has no latents to tell copies by
		if err := c.warnOfCopies(ctx); err != nil {
			return err
		}
	}
	choice := Chosen{Format: chosenFormat, Version: stage.Version, Made: record}
	for i, class := range o.Train.Classes {
		made, err := c.class(ctx, class, old.class(i))
		if err != nil {
			return fmt.Errorf("class %q: %w", class.Name, err)
		}
		choice.Classes = append(choice.Classes, made)
	}
	return atomicfile.WriteJSON(filepath.Join(dir, chosenName), choice)
}

func (o *Maker) record(set ID) (chosenRecord, error) {
	c := chosenRecord{ID: set, Encode: o.Settings.Encode, Classes: o.Train.ClassNames()}
	if err := c.Encode.Check(); err != nil {
		return c, err
	}
	if set.IPC < 1 {
		return c, fmt.Errorf("ipc is %d, want at least 1", set.IPC)
	}
	for _, class := range o.Train.Classes {
		if n := len(class.Images); n < set.IPC {
			return c, fmt.Errorf("class %q: %w: have %d, want %d", class.Name, modes.ErrTooFew, n, set.IPC)
		}
	}
	if !o.seeded(set.Method) {
		c.Seed = 0
	}
	if set.Method == Nearest {
		c.Modes = &o.Settings.Modes
	}
	if set.Method != Random {
		c.Autoencoder, c.Backend = o.Autoencoder.SHA256, o.Engine.Name()
	}
	return c, nil
}

// chooser is what the classes of one set share.
type chooser struct {
	*Maker
	set   ID
	dir   string
	event stage.Event
}

// class chooses and writes the images of one class, or keeps those that an earlier run chose from the same.
func (c *chooser) class(ctx context.Context, class dataset.Class, old ChosenClass) (ChosenClass, error) {
	made, order, err := c.order(class)
	if err != nil {
		return made, err
	}
	refs := make([]dataset.Ref, len(order))
	for i, row := range order {
		refs[i] = class.Images[row]
	}
	if old.Name == class.Name && old.of(refs) {
		is, fault, err := stage.Look(made.From, func() (string, error) {
			if old.From != made.From {
				return old.From, nil
			}
			return old.From, c.check(old)
		})
		switch {
		case err != nil:
			return made, err
		case is == stage.Ours:
			c.add(class.Name, len(old.Images), len(old.Images))
			made.Skipped, made.Images = old.Skipped, old.Images
			return made, nil
		case is == stage.Damaged:
			c.warn(class.Name, fmt.Sprintf("%v: made again", fault))
		}
	}
	for sample := range c.Train.Load(ctx, refs, c.Settings.Encode.LoadOptions()) {
		if c.Settings.Encode.SkipBad && errors.Is(sample.Err, dataset.ErrImage) {
			made.Skipped = append(made.Skipped, latent.Skipped{Name: sample.Ref.Name, Reason: sample.Err.Error()})
			continue
		}
		if sample.Err != nil {
			return made, sample.Err
		}
		file := distill.ImageFile(class.Name, len(made.Images))
		sha, err := writePNG(filepath.Join(c.dir, filepath.FromSlash(file)), sample.Image)
		if err != nil {
			return made, err
		}
		made.Images = append(made.Images, ChosenImage{file, sha, sample.Ref.Name})
		c.add(class.Name, 1, 0)
		if len(made.Images) == c.set.IPC {
			break
		}
	}
	if err := ctx.Err(); err != nil {
		return made, err
	}
	if len(made.Images) < c.set.IPC {
		return made, fmt.Errorf("%w: have %d readable images, want %d", modes.ErrTooFew, len(made.Images), c.set.IPC)
	}
	return made, nil
}

// of reports whether the images of the choice are the first of these, without those skipped. Earlier versions chose
// copies of one picture.
func (c ChosenClass) of(refs []dataset.Ref) bool {
	left := slices.DeleteFunc(slices.Clone(refs), func(ref dataset.Ref) bool {
		return slices.ContainsFunc(c.Skipped, func(s latent.Skipped) bool { return s.Name == ref.Name })
	})
	return len(c.Images) <= len(left) &&
		slices.EqualFunc(c.Images, left[:len(c.Images)],
			func(im ChosenImage, ref dataset.Ref) bool { return im.Source == ref.Name })
}

// order returns what the choice is made from and the chosen images, as indices of the class's; of random
// all images in random order, of which the first readable ones are the choice.
func (c *chooser) order(class dataset.Class) (ChosenClass, []int, error) {
	made := ChosenClass{Name: class.Name, Real: len(class.Images)}
	if c.set.Method == Random {
		files, err := json.Marshal(class.Images)
		if err != nil {
			return made, nil, err
		}
		made.From = hash(files)
		order, err := coreset.Random(made.Real, made.Real, rng.Stream(c.set.Seed, "random", rng.Hash(class.Name)))
		return made, order, err
	}
	cached, err := encode.Open(c.LatentsDir(), class.Name)
	if err != nil {
		return made, nil, err
	}
	defer cached.Close()
	made.From, made.Real, made.Skipped = cached.Key, len(cached.Names), cached.Skipped
	rows, err := c.rows(cached, class.Name)
	if err != nil {
		return made, nil, err
	}
	for i, row := range rows {
		name := cached.Names[row]
		rows[i] = slices.IndexFunc(class.Images, func(ref dataset.Ref) bool { return ref.Name == name })
	}
	return made, rows, nil
}

// rows chooses rows of the latents of a class.
func (c *chooser) rows(cached *latent.Class, class string) ([]int, error) {
	x, err := cached.Matrix()
	if err != nil {
		return nil, err
	}
	if _, n := matrix.Distinct(x); n < c.set.IPC {
		c.warnOfFew(class, n, x.Rows)
	}
	switch c.set.Method {
	case Herding:
		return coreset.Herding(x, c.set.IPC)
	case KCenter:
		return coreset.KCenter(x, c.set.IPC)
	}
	centres, err := distill.Centres(c.dir, class)
	if err != nil {
		return nil, err
	}
	return coreset.Nearest(x, centres)
}

// check holds the files of the class against the choice. One that is not there, or not as it says, is an
// [stage.ErrDamaged].
func (c *chooser) check(class ChosenClass) error {
	if len(class.Images) != c.set.IPC {
		return damaged(fmt.Sprintf("the manifest has %d images of the class, want %d", len(class.Images), c.set.IPC))
	}
	for i, im := range class.Images {
		file := distill.ImageFile(class.Name, i)
		path := filepath.Join(c.dir, filepath.FromSlash(file))
		data, err := atomicfile.Read(path, atomicfile.MostText)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return damaged(fmt.Sprintf("%q is not there", path))
		case err != nil:
			return err
		case hash(data) != im.SHA256 || file != im.File:
			return damaged(fmt.Sprintf("%q is not as the manifest says", path))
		}
	}
	return nil
}

// damaged is a [stage.ErrDamaged] in words that name the file.
type damaged string

func (d damaged) Error() string { return string(d) }

func (damaged) Is(target error) bool { return target == stage.ErrDamaged }

// warnOfCopies tells of classes with fewer different files than images to choose.
func (c *chooser) warnOfCopies(ctx context.Context) error {
	groups, err := dataset.Duplicates(ctx, c.Train)
	if err != nil {
		return err
	}
	surplus := map[string]int{} // by class: files that are equal to an earlier one of the class
	for _, group := range groups {
		seen := map[string]bool{}
		for _, m := range group {
			if seen[m.Ref.Class] {
				surplus[m.Ref.Class]++
			}
			seen[m.Ref.Class] = true
		}
	}
	for _, class := range c.Train.Classes {
		if n := len(class.Images) - surplus[class.Name]; n < c.set.IPC {
			c.warnOfFew(class.Name, n, len(class.Images))
		}
	}
	return nil
}

func (c *chooser) warnOfFew(class string, different, images int) {
	c.warn(class, fmt.Sprintf("%d different images among %d, fewer than the %d to choose: some are in the set "+
		"several times", different, images, c.set.IPC))
}

// warn tells of something in a class that the user should know.
func (c *chooser) warn(class, text string) {
	e := c.event
	e.Class, e.Warning = class, text
	c.report(c.set, e)
}

func (c *chooser) add(class string, n, kept int) {
	c.event.Class, c.event.Done, c.event.Kept = class, c.event.Done+n, c.event.Kept+kept
	c.report(c.set, c.event)
}

// readChosen reads what an earlier run wrote, if it did.
func readChosen(dir string) (c Chosen) {
	data, err := atomicfile.Read(filepath.Join(dir, chosenName), atomicfile.MostText)
	if err != nil || json.Unmarshal(data, &c) != nil || c.Format != chosenFormat {
		return Chosen{}
	}
	return c
}

// is reports whether the choice in dir was made under the record, or there is none, nor any images.
func (c Chosen) is(record chosenRecord, dir string) bool {
	if c.Format == 0 {
		there, err := atomicfile.Exists(distill.ImagesDir(dir))
		return err == nil && !there
	}
	return reflect.DeepEqual(c.Made, record)
}

func (c Chosen) class(i int) ChosenClass {
	if i < len(c.Classes) {
		return c.Classes[i]
	}
	return ChosenClass{}
}

// writePNG writes an image and returns the hash of its file.
func writePNG(path string, im *dataset.RGB) (sha string, err error) {
	var file bytes.Buffer
	if err := dataset.WritePNG(&file, im); err != nil {
		return "", err
	}
	return hash(file.Bytes()), atomicfile.WriteBytes(path, file.Bytes())
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
