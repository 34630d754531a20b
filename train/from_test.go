package train

import (
	"errors"
	"path/filepath"
	"testing"

	"mgd3/latent"
	"mgd3/stage"
	"mgd3/weights"
)

// TestFrom: a training that starts from another's weights, at a rate too small to move them, ends with them; weights of
// another shape, and another start in the same folder, are refused.
func TestFrom(t *testing.T) {
	set := images(t)
	first := options(t, set)
	first.SampleEvery = 0
	if err := trainings(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	a, err := latent.Open(t.Context(), first.Engine, first.modelDir(networkAutoencoder))
	if err != nil {
		t.Fatal(err)
	}
	next := first
	next.Out = filepath.Join(t.TempDir(), "model")
	next.From = first.modelDir(networkDiT)
	next.Protocol.Rate = 1e-30
	if err := TrainDiT(t.Context(), next, a, smallDiT()); err != nil {
		t.Fatal(err)
	}
	before, after := tree(t, first.Out), tree(t, next.Out)
	name := filepath.Join("dit", "model.safetensors")
	if before[name] != after[name] {
		t.Error("the weights moved")
	}
	wide := smallDiT()
	wide.Hidden = 32
	other := next
	other.Out = filepath.Join(t.TempDir(), "model")
	if err := TrainDiT(t.Context(), other, a, wide); !errors.Is(err, weights.ErrMismatch) {
		t.Errorf("another shape: got %v, want ErrMismatch", err)
	}
	other = next
	other.From = ""
	if err := TrainDiT(t.Context(), other, a, smallDiT()); !errors.Is(err, stage.ErrOther) {
		t.Errorf("another start: got %v, want ErrOther", err)
	}
}
