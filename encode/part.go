package encode

import (
	"context"
	"errors"
	"fmt"

	"mgd3/latent"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/stage/numbers"
)

// Part writes a latent cache with some of the images of another one: to gets the latents in from of those
// images for which keep is true. name says in the settings of to which part it is. Modes found in a part
// know nothing of the other images. warn is told of settings that were damaged and are made again.
func Part(ctx context.Context, to, from, name string, keep func(class, image string) bool, warn func(string)) error {
	c, err := ReadRecord(from)
	if err != nil {
		return err
	}
	c.Part = name
	healed, err := stage.LockSettings(to, c, func() (bool, error) { return partIs(to, from, c.Classes, keep) })
	if err != nil {
		return err
	}
	if healed != nil {
		warn(fmt.Sprintf("%v: made again", healed))
	}
	for _, class := range c.Classes {
		if err := partOfClass(ctx, to, from, class, keep); err != nil {
			return fmt.Errorf("class %q: %w", class, err)
		}
	}
	return nil
}

// partIs reports whether the latents in to are those of the images to keep, or there are none.
func partIs(to, from string, classes []string, keep func(class, image string) bool) (bool, error) {
	var m numbers.Tally
	for _, class := range classes {
		all, err := Open(from, class)
		if err != nil {
			return false, err
		}
		names, _ := kept(all, class, keep)
		err = m.Add(File(to, class), partKey(all, names))
		if err = errors.Join(err, all.Close()); err != nil {
			return false, err
		}
	}
	return m.Ours(), nil
}

// kept returns the names and the rows of the images to keep.
func kept(all *latent.Class, class string, keep func(class, image string) bool) (names []string, rows []int) {
	for i, name := range all.Names {
		if keep(class, name) {
			names, rows = append(names, name), append(rows, i)
		}
	}
	return names, rows
}

func partKey(all *latent.Class, names []string) string { return stage.Key("part", all.Key, names) }

func partOfClass(ctx context.Context, to, from, class string, keep func(class, image string) bool) error {
	all, err := Open(from, class)
	if err != nil {
		return err
	}
	defer all.Close()
	names, rows := kept(all, class, keep)
	path := File(to, class)
	unlock, err := atomicfile.Wait(ctx, path)
	if err != nil {
		return err
	}
	defer unlock()
	key := partKey(all, names)
	if is, _, _, err := numbers.Look(path, key); is == stage.Ours || err != nil {
		return errors.Join(err, latent.RemoveJournal(path))
	}
	latents, err := all.Matrix()
	if err != nil {
		return err
	}
	w, err := latent.NewWriter(path, key, names, all.Shape)
	if err != nil {
		return err
	}
	for _, i := range rows[w.Done():] {
		if err := w.Add(latents.Row(i)); err != nil {
			return errors.Join(err, w.Close())
		}
	}
	return w.Finish()
}
