package export

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"mgd3/distill"
	"mgd3/internal/words"
	"mgd3/stage"
)

// Decided is what somebody decided about an image of a set.
type Decided struct {
	Verdict distill.Verdict
	Reason  string
	By      *distill.Redrawn // what replaces it
}

// Review writes a new set to the folder out: that in dir without the images that were rejected, with others in the
// place of those that were replaced, and a manifest that says so. decided has what was decided by an image's file in
// the manifest; other images are in the new set as they are, under the same names. The real images of rejected ones are
// counted for others, as [Merge] does; an image stands for as many as the one that it replaces, whatever its mode.
// Equal sets and decisions give equal bytes; what is at out with the same bytes already may stay, anything else is an
// [ErrExists].
func Review(ctx context.Context, dir, out string, decided map[string]Decided) (notes []string, err error) {
	r, err := newReviewing(dir, decided)
	if err != nil {
		return nil, err
	}
	if inside(dir, out) {
		return nil, fmt.Errorf("%q lies in the set %q, which is not edited in place; want another place", out, dir)
	}
	err = create(filepath.Clean(out), func(tmp string) error { return r.write(ctx, tmp) })
	return r.notes, err
}

// reviewing is a review on its way. of and head are the same manifest: as values that are read, and as fields that are
// passed on, those that this version does not know too.
type reviewing struct {
	set     *set
	of      distill.Manifest
	head    object
	classes []object
	decided map[string]Decided
	about   distill.Reviewed
	notes   []string
}

func newReviewing(dir string, decided map[string]Decided) (*reviewing, error) {
	s, err := open(dir)
	if err != nil {
		return nil, err
	}
	r := &reviewing{set: s, decided: decided}
	if err = errors.Join(json.Unmarshal(s.manifest, &r.of), json.Unmarshal(s.manifest, &r.head)); err == nil {
		err = json.Unmarshal(r.head["classes"], &r.classes)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", filepath.Join(dir, manifestName), ErrSet, err)
	}
	files := map[string]bool{}
	for _, class := range r.of.Classes {
		for _, im := range class.Images {
			files[im.File] = true
		}
	}
	for file, d := range decided {
		// a decision about another set is refused rather than passed over
		if !files[file] {
			return nil, fmt.Errorf("something was decided about %q, which is no image of %q", file, dir)
		}
		if (d.Verdict == distill.Replace) != (d.By != nil) {
			return nil, fmt.Errorf("%q: the verdict is %q, and what replaces it is there: %t", file, d.Verdict,
				d.By != nil)
		}
	}
	r.about = distill.Reviewed{Manifest: fmt.Sprintf("%x", sha256.Sum256(s.manifest)), Before: r.head["reviewed"],
		Merged: r.head["merged"], Rejected: []distill.RejectedImage{}, Images: s.count()}
	return r, nil
}

// write writes the images, and the manifest behind them.
func (r *reviewing) write(ctx context.Context, out string) error {
	var m distill.Manifest
	for i := range r.classes {
		entries, err := r.class(ctx, i, out)
		if err != nil {
			return fmt.Errorf("class %q: %w", r.of.Classes[i].Name, err)
		}
		r.classes[i]["images"] = mustJSON(entries)
	}
	// both are in "reviewed" of the new set, as r.about has them
	for _, name := range []string{"merged", "reviewed"} {
		delete(r.head, name)
	}
	r.head["version"], r.head["classes"] = mustJSON(stage.Version), mustJSON(r.classes)
	if err := json.Unmarshal(mustJSON(r.head), &m); err != nil {
		return fmt.Errorf("%w: %w", ErrSet, err)
	}
	for i, class := range m.Classes {
		if err := r.slots(i, class, out); err != nil {
			return fmt.Errorf("class %q: %w", class.Name, err)
		}
	}
	r.head["distance"], r.head["reviewed"] = mustJSON(meanDistance(m)), mustJSON(r.about)
	var b bytes.Buffer
	if err := json.Indent(&b, mustJSON(r.head), "", "  "); err != nil {
		return err
	}
	b.WriteByte('\n')
	return writeFile(filepath.Join(out, manifestName), b.Bytes())
}

// class writes the images of a class, and returns their entries.
func (r *reviewing) class(ctx context.Context, i int, out string) (entries []json.RawMessage, err error) {
	var kept, gone []mergedImage
	var files []string
	for j, raw := range r.set.classes[i].Images {
		im := mergedImage{from: r.set, class: i, raw: raw}
		if err := json.Unmarshal(raw, &im.entry); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSet, err)
		}
		was := r.of.Classes[i].Images[j]
		if d := r.decided[was.File]; d.Verdict == distill.Reject {
			gone = append(gone, im)
			r.about.Rejected = append(r.about.Rejected, distill.RejectedImage{File: was.File, SHA256: was.SHA256,
				Reason: d.Reason})
			continue
		}
		// Names keep their gaps: 0007.png of the new set is 0007.png of the old, so that decisions can be compared.
		kept, files = append(kept, im), append(files, was.File)
	}
	if len(kept) == 0 {
		return nil, fmt.Errorf("all of its images are rejected: %w, which wants one of each class at least", ErrSet)
	}
	// keepSizes counts for the first n the images behind them; so the rejected ones are put at the end
	how, err := keepSizes(r.set.dir, r.of.Classes[i].Name, append(kept, gone...), len(kept))
	if err != nil {
		return nil, err
	}
	// one word for the whole set: the weaker of the two, if any class needed it
	if how != "" && r.about.Sizes != distill.ByShare {
		r.about.Sizes = how
	}
	if how == distill.ByShare {
		r.notes = append(r.notes, fmt.Sprintf("class %s: its modes are not there, so the real images of those that "+
			"are rejected are shared out in proportion to the cluster sizes of the others",
			words.Quoted([]string{r.of.Classes[i].Name})))
	}
	for j, im := range kept {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := r.image(im, i, files[j], out); err != nil {
			return nil, err
		}
		entries = append(entries, mustJSON(im.entry))
	}
	return entries, nil
}

// image writes an image that is in the new set, and completes its entry.
func (r *reviewing) image(im mergedImage, class int, file, out string) error {
	p, err := r.set.read(class, im.raw)
	if err != nil {
		return err
	}
	switch d := r.decided[file]; d.Verdict {
	case distill.Keep:
		r.about.Kept++
		im.entry["review"] = mustJSON(distill.Review{Verdict: d.Verdict, Reason: d.Reason})
	case distill.Replace:
		// Everything that says how the image was made is that of the new one; its cluster size ("mass") stays.
		r.about.Replaced++
		var was distill.ManifestImage
		if err := json.Unmarshal(im.raw, &was); err != nil {
			return fmt.Errorf("%w: %w", ErrSet, err)
		}
		by := d.By.Entry
		for name, v := range map[string]any{"sha256": by.SHA256, "mode": by.Mode, "nearest": by.Nearest,
			"seed": by.Seed, "distance": by.Distance, "review": distill.Review{Verdict: d.Verdict, Reason: d.Reason,
				Was: was.SHA256, Again: &d.By.How}} {
			im.entry[name] = mustJSON(v)
		}
		return d.By.Write(out, &r.of, r.of.Classes[class], file)
	}
	return writeFile(filepath.Join(out, filepath.FromSlash(file)), p.data)
}

// slots writes the modes and the latents of the images that are in the new set, where the old one has them; class is
// the i-th of the new manifest.
func (r *reviewing) slots(i int, class distill.ManifestClass, out string) error {
	s, err := distill.SlotsOf(r.set.dir, r.of.Classes[i])
	if err != nil || s.Latents.Rows == 0 {
		return err
	}
	var kept []int
	var by []*distill.Redrawn
	for j, im := range r.of.Classes[i].Images {
		if d := r.decided[im.File]; d.Verdict != distill.Reject {
			kept, by = append(kept, j), append(by, d.By)
		}
	}
	if s, err = s.With(kept, by); err != nil {
		return err
	}
	return s.Write(out, class)
}
