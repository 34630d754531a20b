package baseline

import (
	"context"
	"slices"

	"mgd3/dataset"
	"mgd3/encode"
)

// Full is the set of all real images, or of the first limit of each class, 0 being all, cropped as those of the other
// sets. Images that cannot be read are left out where the settings say so.
func (o *Maker) Full(ctx context.Context, limit int) (*dataset.Set, error) {
	if o.Settings.Encode.SkipBad {
		if err := o.Run(ID{Method: Full}, o.Out).Encode(ctx); err != nil {
			return nil, err
		}
	}
	var classes []dataset.Class
	for _, class := range o.Train.Classes {
		refs, err := o.readable(class)
		if err != nil {
			return nil, err
		}
		if limit > 0 {
			refs = refs[:min(len(refs), limit)]
		}
		classes = append(classes, dataset.Class{Name: class.Name, Images: refs})
	}
	return dataset.View("full", o.Train, classes, o.Settings.Encode.LoadOptions()), nil
}

// readable returns the images of a class: those that have latents, where others are to be left out.
func (o *Maker) readable(class dataset.Class) ([]dataset.Ref, error) {
	if !o.Settings.Encode.SkipBad {
		return class.Images, nil
	}
	cached, err := encode.Open(o.LatentsDir(), class.Name)
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
