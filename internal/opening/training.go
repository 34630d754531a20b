package opening

import (
	"context"
	"errors"

	"mgd3/engine"
	"mgd3/internal/backends"
	"mgd3/internal/exits"
	"mgd3/sets"
	"mgd3/stage"
	"mgd3/train"
)

// Training opens the backend and the images of a training, and takes the output folder. The function ends it.
func Training(ctx context.Context, o *train.Options, from *sets.Opener, data sets.Spec,
	b backends.Choice, p engine.Precision) (func(), error) {
	r := &Run{}
	err := errors.Join(o.Check(), p.Check())
	if err != nil {
		return nil, exits.Fail(exits.Usage, "", err)
	}
	if o.Engine, err = b.Open(p, ""); err != nil {
		return nil, err
	}
	r.close = append(r.close, o.Engine.Close)
	data.Split, data.Limit = o.Images.Split, o.Images.Limit
	if o.Data, err = from.Open(ctx, data); err != nil {
		r.Close()
		return nil, exits.Fail(exits.Input, "", err)
	}
	r.close = append(r.close, func() { _ = o.Data.Close() })
	unlock, err := stage.Lock(o.Out, stage.Whole)
	if err != nil {
		r.Close()
		return nil, exits.Fail(exits.Output, "", err)
	}
	r.close = append(r.close, unlock)
	return r.Close, nil
}
