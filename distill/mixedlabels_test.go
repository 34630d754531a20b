package distill

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"mgd3/internal/fixtures/testengine"
	"mgd3/stage"
)

// TestMixLabels: in steps of little noise, before λ falls, the images are those without mixing, to the byte; mixed they
// are others, the same in any batch and shard, by every rule that guides, and made once more.
func TestMixLabels(t *testing.T) {
	r := tinyRun(t, 3)
	r.Settings.Sample.From = 2 // of the 4 timesteps 0, 333, 666 and 999
	late := undisturbed(t, r)
	r.Settings.Sample.MixLabels = true
	if got := undisturbed(t, r); !slices.Equal(got, late) {
		t.Error("in steps of little noise: other bytes")
	}
	r.Settings.Sample.From = 0
	m, err := r.Do(t.Context())
	mixed := hashes(t, m, err)
	plain := *r
	plain.Settings.Sample.MixLabels = false
	if slices.Equal(undisturbed(t, &plain), mixed) {
		t.Error("mixing labels changes nothing")
	}
	again, err := r.Again(t.Context(), Again{Class: m.Classes[1].Name, Mode: 1, Settings: m.Settings.Sample})
	if err != nil || again.Entry != m.Classes[1].Images[1] {
		t.Errorf("made again %+v, %v, want %+v", again, err, m.Classes[1].Images[1])
	}
	if testengine.Name() != "cpu" || testing.Short() { // where the rows of a batch have other bytes alone
		return
	}
	cut := *r
	cut.Out, cut.Batch = t.TempDir(), 1
	for i := range 2 {
		cut.Shard = stage.Shard{Index: i, Count: 2}
		m, err = cut.Do(t.Context())
	}
	if got := hashes(t, m, err); !slices.Equal(got, mixed) {
		t.Error("in shards and batches of one: other bytes")
	}
}

// noRows is a denoiser that has no row for each label.
type noRows struct{ Denoiser }

func TestMixLabelsRefused(t *testing.T) {
	r := tinyRun(t, 3)
	r.Settings.Sample.MixLabels = true
	r.Denoiser = noRows{r.Denoiser}
	if _, err := r.Do(t.Context()); !errors.Is(err, ErrModel) || !strings.Contains(err.Error(), "want a DiT") {
		t.Errorf("got %v", err)
	}
}
