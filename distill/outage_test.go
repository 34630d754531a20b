package distill

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"

	"mgd3/internal/fixtures/storetest"
	"mgd3/stage"
)

// TestOutage: wherever a store stops while a run that is done is looked through, it is an error of the store; no stage
// is made again, nothing is called damaged or other than the manifest says.
func TestOutage(t *testing.T) {
	if testing.Short() {
		t.Skip("looks through a run some hundred times")
	}
	r := tinyRun(t, 2)
	s := storetest.New(t)
	r.Out = s.Path("out")
	if _, err := r.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	made := maps.Clone(s.Objects)
	requests := storetest.Stop(t, made, func(s *storetest.Server) (string, error) {
		r.Out = s.Path("out")
		m, err := r.Do(t.Context())
		if err != nil {
			return "", err
		}
		text, err := json.Marshal(m)
		return string(text), err
	}, stage.ErrDamaged, stage.ErrOther, stage.ErrStage)
	t.Logf("distill: %d requests", requests)
	requests = storetest.Stop(t, made, func(s *storetest.Server) (string, error) {
		faults, unchecked, err := Verify(t.Context(), s.Path("out"))
		return fmt.Sprint(faults, unchecked), err
	}, stage.ErrDamaged)
	t.Logf("verify: %d requests", requests)
}
