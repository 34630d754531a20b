package distill

import (
	"context"
	"errors"
	"fmt"

	"mgd3/internal/atomicfile"
	"mgd3/latent"
	"mgd3/stage"
)

// Part writes a latent cache with some of the images of another one: to gets the latents in from of those
// images for which keep is true. name says in the settings of to which part it is. Modes found in a part
// know nothing of the other images.
func Part(ctx context.Context, to, from, name string, keep func(class, image string) bool) error {
	var c latentsClaim
	if err := readClaim(from, &c); err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	c.Part = name
	if err := Claim(to, c); err != nil {
		return err
	}
	for _, class := range c.Classes {
		if err := partOfClass(ctx, to, from, class, keep); err != nil {
			return fmt.Errorf("class %q: %w", class, err)
		}
	}
	return nil
}

func partOfClass(ctx context.Context, to, from, class string, keep func(class, image string) bool) error {
	all, err := latent.OpenClass(classFile(from, class))
	if err != nil {
		return stageMissing(err)
	}
	defer all.Close()
	var names []string
	var rows []int
	for i, name := range all.Names {
		if keep(class, name) {
			names, rows = append(names, name), append(rows, i)
		}
	}
	path := classFile(to, class)
	unlock, err := atomicfile.Wait(ctx, path)
	if err != nil {
		return err
	}
	defer unlock()
	key := stage.Key("part", all.Key, names)
	if is, _, _, err := stands(path, key); is == whole || err != nil {
		return errors.Join(err, latent.RemoveJournal(path))
	}
	data, err := all.Rows()
	if err != nil {
		return err
	}
	w, err := latent.NewWriter(path, key, names, all.Shape)
	if err != nil {
		return err
	}
	for _, i := range rows[w.Done():] {
		if err := w.Add(data[i*w.RowSize() : (i+1)*w.RowSize()]); err != nil {
			return errors.Join(err, w.Close())
		}
	}
	return w.Finish()
}
