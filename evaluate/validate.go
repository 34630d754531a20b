package evaluate

import (
	"context"
)

// endEpoch validates where it is time, and notes how the epoch, from 1, went.
func (t *training) endEpoch(ctx context.Context, epoch int) error {
	p := t.Protocol
	point := Point{Epoch: epoch, Loss: t.Loss / float64(t.Seen), Train: float64(t.Hits) / float64(t.Seen)}
	if p.Validation.At(epoch, p.Epochs) {
		confusion, err := t.validate(ctx)
		if err != nil {
			return err
		}
		accuracy := t.Score.tested(epoch, confusion)
		point.Test = &accuracy
	}
	t.Loss, t.Hits, t.Seen = 0, 0, 0
	if point.Test != nil || epoch%max(1, p.Epochs/100) == 0 {
		t.Score.Curve = append(t.Score.Curve, point)
	}
	if t.Report != nil {
		t.Report(Event{t.Net, t.Seed, epoch, p.Epochs, point, t.Score.Best, ""})
	}
	return nil
}

// validate returns the confusion matrix on the test data.
func (t *training) validate(ctx context.Context) ([][]int, error) {
	return confusionOf(ctx, t.Engine, t.test, t.Test, t.Protocol)
}
