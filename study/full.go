package study

import (
	"bytes"
	"context"
	"slices"

	"mgd3/dataset"
	"mgd3/distill"
)

// full is the set of all real images, cropped as those of the other sets. Images that cannot be read are left out
// where the settings say so.
func (o *Options) full(ctx context.Context) (*dataset.Set, error) {
	if o.Settings.Encode.SkipBad {
		if err := o.run(setID{Method: Full}, o.Out).Encode(ctx); err != nil {
			return nil, err
		}
	}
	var classes []dataset.Class
	for _, class := range o.Train.Classes {
		refs, err := o.readable(class)
		if err != nil {
			return nil, err
		}
		if o.FullLimit > 0 {
			refs = refs[:min(len(refs), o.FullLimit)]
		}
		classes = append(classes, dataset.Class{Name: class.Name, Images: refs})
	}
	load := o.Settings.Encode.LoadOptions()
	load.Workers = 1
	return dataset.FromFunc("full", classes, func(ref dataset.Ref) ([]byte, error) {
		for sample := range o.Train.Load(context.Background(), []dataset.Ref{ref}, load) {
			if sample.Err != nil {
				return nil, sample.Err
			}
			var file bytes.Buffer
			err := dataset.WritePNG(&file, sample.Image)
			return file.Bytes(), err
		}
		panic("study: dataset.Load yields an image or an error")
	}), nil
}

// readable returns the images of a class: those that have latents, where others are to be left out.
func (o *Options) readable(class dataset.Class) ([]dataset.Ref, error) {
	if !o.Settings.Encode.SkipBad {
		return class.Images, nil
	}
	cached, err := distill.OpenLatents(o.latents(), class.Name)
	if err != nil {
		return nil, err
	}
	defer cached.Close()
	has := map[string]bool{}
	for _, name := range cached.Names {
		has[name] = true
	}
	return slices.DeleteFunc(slices.Clone(class.Images), func(ref dataset.Ref) bool { return !has[ref.Name] }), nil
}
