package export

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/internal/words"
	"mgd3/stage"
)

var (
	// ErrOverlap says that two sets to be merged have a class in common.
	ErrOverlap = errors.New("is in two sets")
	// ErrNoClass says that a class is in none of the sets.
	ErrNoClass = errors.New("is in no set")
)

// MergeOptions say what is taken of the sets.
type MergeOptions struct {
	IPC     int      // images of each class of a set, the first; 0 takes all
	Classes []string // in this order; nil takes all, set after set
	Join    bool     // a class may be in several sets: its images are put together
}

// Merge puts finished sets together in the folder out, or makes a part of one: images and a manifest, which says what
// is from where. The labels of the first sets stay what they are when others come to them. The real images of modes
// that are left out are counted for others, so that a class stands for as many as before; notes say how. Equal sets
// give equal bytes; what is at out with the same bytes already may stay, anything else is an [ErrExists].
func Merge(ctx context.Context, out string, dirs []string, o MergeOptions) (notes []string, err error) {
	// All manifests are read, and the new one is made, before the first image is copied: an error leaves nothing
	// behind.
	g := &merging{o: o, at: map[string]int{}}
	for _, dir := range dirs {
		if err := g.add(dir); err != nil {
			return nil, err
		}
	}
	if err := g.order(); err != nil {
		return nil, err
	}
	manifest, err := g.manifest()
	if err != nil {
		return nil, err
	}
	err = create(filepath.Clean(out), func(tmp string) error {
		if err := g.write(ctx, tmp); err != nil {
			return err
		}
		return writeFile(filepath.Join(tmp, manifestName), manifest)
	})
	return g.notes, err
}

// merging is a merge on its way. Entries are kept as raw JSON throughout: fields that this version does not know come
// along.
type merging struct {
	o       MergeOptions
	heads   []object // of the manifests
	sources []distill.MergedSource
	classes []mergedClass
	at      map[string]int // of a class in classes
	notes   []string
}

// mergedClass is a class of the result.
type mergedClass struct {
	name   string
	entry  object // of the manifest, without the images
	images []mergedImage
}

// mergedImage is an image, its entry and where it is.
type mergedImage struct {
	entry object
	from  *set
	class int
	raw   json.RawMessage // its entry there
}

func (g *merging) add(dir string) error {
	s, err := open(dir)
	if err != nil {
		return err
	}
	var head object
	var classes []object
	if err = json.Unmarshal(s.manifest, &head); err == nil {
		err = json.Unmarshal(head["classes"], &classes)
	}
	if err != nil || len(classes) != len(s.classes) {
		return fmt.Errorf("%s: %w: its classes cannot be read", filepath.Join(dir, manifestName), ErrSet)
	}
	// What is left describes the source as a whole; the merged manifest has it beside what all have in common.
	delete(head, "classes")
	of, err := json.Marshal(head)
	if err != nil {
		return err
	}
	source := distill.MergedSource{Manifest: fmt.Sprintf("%x", sha256.Sum256(s.manifest)), Of: of}
	for i, class := range s.classes {
		if g.o.Classes != nil && !slices.Contains(g.o.Classes, class.Name) {
			continue
		}
		taken, err := g.take(s, i, classes[i])
		if err != nil {
			return fmt.Errorf("%q, class %q: %w", dir, class.Name, err)
		}
		source.Classes = append(source.Classes, taken)
	}
	if source.Classes == nil {
		return fmt.Errorf("%q: none of its classes is taken, %s: %w", dir, words.Quoted(s.classNames()), ErrNoClass)
	}
	g.heads, g.sources = append(g.heads, head), append(g.sources, source)
	return nil
}

// take takes a class of a set.
func (g *merging) take(s *set, i int, entry object) (taken distill.MergedClass, err error) {
	class := s.classes[i]
	taken = distill.MergedClass{Name: class.Name, From: len(class.Images), Images: len(class.Images)}
	if g.o.IPC > 0 && g.o.IPC < taken.From {
		taken.Images = g.o.IPC
	} else if taken.From < g.o.IPC {
		// no error, as with --limit N of a set that has fewer
		g.note("%q: class %q has %d images, fewer than %d", s.dir, class.Name, taken.From, g.o.IPC)
	}
	at, known := g.at[class.Name]
	switch {
	case !known:
		// the place of a class is that in which its name came first; this is what keeps the labels of the first sets
		at = len(g.classes)
		g.at[class.Name] = at
		delete(entry, "images")
		g.classes = append(g.classes, mergedClass{name: class.Name, entry: entry})
	case !g.o.Join:
		return taken, ErrOverlap
	default:
		if err := g.classes[at].join(entry); err != nil {
			return taken, err
		}
	}
	var images []mergedImage
	for _, raw := range class.Images {
		im := mergedImage{from: s, class: i, raw: raw}
		if err := json.Unmarshal(raw, &im.entry); err != nil {
			return taken, fmt.Errorf("%w: %w", ErrSet, err)
		}
		images = append(images, im)
	}
	// All images are read for their cluster sizes, also those that are cut off behind.
	if taken.Sizes, err = keepSizes(s.dir, class.Name, images, taken.Images); err != nil {
		return taken, err
	}
	if taken.Sizes == distill.ByShare {
		g.note("%q: class %q: its modes are not there, so the real images of those that are left out are shared out "+
			"in proportion to the cluster sizes of the others", s.dir, class.Name)
	}
	g.classes[at].images = append(g.classes[at].images, images[:taken.Images]...)
	return taken, nil
}

func (g *merging) note(format string, args ...any) {
	g.notes = append(g.notes, fmt.Sprintf(format, args...))
}

// join takes what another set says of the same class: the real images of both, and what both say alike.
func (c *mergedClass) join(other object) error {
	var a, b int
	if err := errors.Join(json.Unmarshal(orZero(c.entry["real"]), &a),
		json.Unmarshal(orZero(other["real"]), &b)); err != nil {
		return fmt.Errorf("%w: %w", ErrSet, err)
	}
	delete(other, "images")
	c.entry = common(c.entry, other)
	// common leaves out what differs: the name is alike, the sum of the real images is not
	c.entry["name"] = mustJSON(c.name)
	c.entry["real"] = mustJSON(a + b)
	return nil
}

// orZero is v, or 0 where the field is not there, as in an imported set.
func orZero(v json.RawMessage) json.RawMessage {
	if v == nil {
		return json.RawMessage("0")
	}
	return v
}

// order puts the classes into the order that is asked for.
func (g *merging) order() error {
	if g.o.Classes == nil {
		return nil
	}
	var classes []mergedClass
	for _, name := range g.o.Classes {
		at, ok := g.at[name]
		if !ok {
			return fmt.Errorf("class %q %w", name, ErrNoClass)
		}
		classes = append(classes, g.classes[at])
	}
	g.classes = classes
	return nil
}

// manifest makes the text of the manifest, and gives the images of joined classes their names.
func (g *merging) manifest() ([]byte, error) {
	// Settings in which the sets differ are those of no set: they are left out here, and are in "merged".
	head := g.heads[0]
	for _, other := range g.heads[1:] {
		head = common(head, other)
	}
	for _, name := range []string{"merged", "imported", "reviewed"} { // each source has its own
		delete(head, name)
	}
	// format stays in any case, since readers want it; the version is of the program that merged
	head["format"], head["version"] = g.heads[0]["format"], mustJSON(stage.Version)
	var classes []object
	for i := range g.classes {
		c := &g.classes[i]
		var entries []json.RawMessage
		for j := range c.images {
			// Names are given anew, from 0: those of several sets would collide, and ImageFolder sorts by name.
			c.images[j].entry["file"] = mustJSON(distill.ImageFile(c.name, j))
			entries = append(entries, mustJSON(c.images[j].entry))
		}
		if n := c.twice(); n > 0 {
			g.note("class %q: %d of its %d images have the bytes of another one", c.name, n, len(c.images))
		}
		entry := maps.Clone(c.entry)
		entry["images"] = mustJSON(entries)
		classes = append(classes, entry)
	}
	head["classes"], head["merged"] = mustJSON(classes), mustJSON(g.sources)
	// The check that the whole can be read as a manifest, before it is written.
	var m distill.Manifest
	if err := json.Unmarshal(mustJSON(head), &m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSet, err)
	}
	head["distance"] = mustJSON(meanDistance(m))
	var b bytes.Buffer
	if err := json.Indent(&b, mustJSON(head), "", "  "); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// twice counts the images whose hash an earlier one has.
func (c *mergedClass) twice() (n int) {
	seen := map[string]bool{}
	for _, im := range c.images {
		hash := string(im.entry["sha256"])
		if seen[hash] && hash != "" {
			n++
		}
		seen[hash] = true
	}
	return n
}

// meanDistance is that of all images.
func meanDistance(m distill.Manifest) (mean distill.Distance) {
	// each image counts alike, not each class
	n := 0.0
	for _, class := range m.Classes {
		n += float64(len(class.Images))
	}
	for _, class := range m.Classes {
		for _, im := range class.Images {
			mean.Own += im.Distance.Own / n
			mean.Others += im.Distance.Others / n
		}
	}
	return mean
}

// write copies the images, each held against its hash, and notes it if they are of several sizes.
func (g *merging) write(ctx context.Context, out string) error {
	sizes := map[string]string{} // the first set with images of a size
	defer func() {
		if len(sizes) > 1 {
			g.note("the images are of different sizes, %s: whatever trains on them resizes them to one", ofSizes(sizes))
		}
	}()
	for _, c := range g.classes {
		for j, im := range c.images {
			if err := ctx.Err(); err != nil {
				return err
			}
			p, err := im.from.read(im.class, im.raw)
			if err != nil {
				return err
			}
			file := distill.ImageFile(c.name, j)
			// the bytes are copied as they are, so a name of .png must be one of a PNG
			if !strings.EqualFold(path.Ext(p.file), path.Ext(file)) {
				return fmt.Errorf("%s: %w: image %q is no %s", im.from.dir, ErrSet, p.file, path.Ext(file))
			}
			if config, err := png.DecodeConfig(bytes.NewReader(p.data)); err == nil {
				size := fmt.Sprintf("%d × %d pixels", config.Width, config.Height)
				sizes[size] = cmp.Or(sizes[size], im.from.dir)
			}
			if err := writeFile(filepath.Join(out, filepath.FromSlash(file)), p.data); err != nil {
				return err
			}
		}
	}
	return nil
}

// ofSizes says which set has images of which size, in the order of the words.
func ofSizes(sizes map[string]string) string {
	var list []string
	for size, dir := range sizes {
		list = append(list, fmt.Sprintf("%s of %q", size, dir))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// ParseClasses reads classes as [dataset.ParseClasses] does, or else as names with commas.
func ParseClasses(spec string) ([]string, error) {
	classes, err := dataset.ParseClasses(spec)
	if errors.Is(err, dataset.ErrList) && !strings.ContainsAny(spec, "/\\") {
		classes, err = strings.Split(spec, ","), nil
	}
	for i, line := range classes {
		if name, _, _ := strings.Cut(strings.TrimSpace(line), "\t"); name != "" {
			classes[i] = name
		}
		if slices.Contains(classes[:i], classes[i]) {
			return nil, fmt.Errorf("class %q comes twice, want once", classes[i])
		}
	}
	return classes, err
}
