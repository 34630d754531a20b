package train

import (
	"context"
	"fmt"
	"path/filepath"

	"mgd3/dataset"
	"mgd3/encode"
	"mgd3/latent"
	"mgd3/stage"
)

// latentRows are the latents of all images, in the order of the classes, and those of their mirror images. They stay on
// disk and are read as they are needed: ImageNet's, at 16 kB each and twice, would take 42 GB of memory. A mirrored
// latent is that of the mirrored image, since an encoder need not commute with mirroring.
type latentRows struct {
	size     int           // numbers of a latent
	all      []latentPlace // of the images
	plain    []*latent.Class
	mirrored []*latent.Class // nil without flips
}

type latentPlace struct{ class, row int }

// latents encodes the set to its posterior means, by [encode.Run], and opens them.
func (o *Options) latents(ctx context.Context, a *latent.Autoencoder) (_ *latentRows, err error) {
	rows := &latentRows{}
	defer func() {
		if err != nil {
			rows.close()
		}
	}()
	if rows.plain, err = o.encode(ctx, a, o.Data, "plain"); err != nil {
		return nil, err
	}
	if o.Protocol.Flip {
		if rows.mirrored, err = o.encode(ctx, a, o.mirrored(), "mirrored"); err != nil {
			return nil, err
		}
	}
	rows.size = size(rows.plain[0].Shape)
	for class, c := range rows.plain {
		for row := range c.Names {
			rows.all = append(rows.all, latentPlace{class, row})
		}
	}
	return rows, nil
}

// encode fills the latent cache of the given name and opens its classes.
func (o *Options) encode(ctx context.Context, a *latent.Autoencoder, set *dataset.Set,
	name string) ([]*latent.Class, error) {
	r := &encode.Run{
		Settings: o.Images.settings(), Dir: filepath.Join(o.workDir(networkDiT), "latents", name), Shard: stage.Whole,
		Batch: o.Protocol.Batch, Engine: o.Engine, Autoencoder: a, Data: set,
		Report: func(e stage.Event) { o.report(Event{Event: e}) },
	}
	if err := r.Do(ctx); err != nil {
		return nil, err
	}
	var classes []*latent.Class
	for _, class := range set.Classes {
		c, err := encode.Open(r.Dir, class.Name)
		if err != nil {
			return classes, err
		}
		classes = append(classes, c)
	}
	return classes, nil
}

// mirrored is the set of the mirror images.
func (o *Options) mirrored() *dataset.Set {
	return dataset.View("mirrored", o.Data, o.Data.Classes, dataset.LoadOptions{IgnoreEXIF: o.Images.IgnoreEXIF,
		Then: dataset.Flip})
}

// read writes a latent to dst and returns its label.
func (r *latentRows) read(dst []float32, place int, mirrored bool) (label int32, err error) {
	classes := r.plain
	if mirrored {
		classes = r.mirrored
	}
	at := r.all[place]
	if err := classes[at.class].Row(dst, at.row); err != nil {
		return 0, fmt.Errorf("latent of %s: %w", classes[at.class].Names[at.row], err)
	}
	return int32(at.class), nil
}

func (r *latentRows) close() {
	for _, classes := range [][]*latent.Class{r.plain, r.mirrored} {
		for _, c := range classes {
			_ = c.Close() // they were only read
		}
	}
}
