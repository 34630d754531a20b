package distill

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"mgd3/encode"
	"mgd3/stage"
)

// TestPlan: a plan counts what is there by its key, and its estimate is of the rest.
func TestPlan(t *testing.T) {
	const each, ipc, classes = 4, 2, 3 // real and synthetic images of a class
	r := tinyRun(t, each)
	plan := func(encoded, sampled int) (p Plan) {
		t.Helper()
		p, err := r.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if p.Real != classes*each || p.Synthetic != classes*ipc || p.Encoded != encoded || p.Sampled != sampled {
			t.Errorf("%d of %d are encoded, %d of %d sampled; want %d of %d, %d of %d", p.Encoded, p.Real, p.Sampled,
				p.Synthetic, encoded, classes*each, sampled, classes*ipc)
		}
		if p.EncodeEach <= 0 || p.StepEach <= 0 || p.DecodeEach <= 0 {
			t.Errorf("an image takes %v, %v and %v, want more than nothing", p.EncodeEach, p.StepEach, p.DecodeEach)
		}
		return p
	}
	plan(0, 0)
	if err := r.Encode(t.Context()); err != nil {
		t.Fatal(err)
	}
	plan(classes*each, 0)
	if _, err := r.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := plan(classes*each, classes*ipc); p.Estimate() != 0 {
		t.Errorf("the estimate of a finished run is %v, want 0", p.Estimate())
	}

	sample := r.Settings.Sample
	for _, change := range []func(){
		func() { r.Settings.Sample.Lambda /= 2 },
		func() { r.Settings.Sample.Seed++ },
		func() { r.Settings.Modes.Seed++ },
		func() { r.Settings.Sample.PoolOf, r.Settings.Sample.Choose = 4, ChooseNearest },
	} {
		modes := r.Settings.Modes
		change()
		plan(classes*each, 0)
		r.Settings.Sample, r.Settings.Modes = sample, modes
	}
	r.Settings.Encode.Flip = true
	plan(0, 0)
	r.Settings.Encode.Flip = false

	remove(t, image{class: "dog", index: 1}.latent(r.Out))
	plan(classes*each, classes*ipc-1)
	remove(t, ModesFile(r.Out, "dog"))
	plan(classes*each, (classes-1)*ipc)
	remove(t, encode.File(r.latentsDir(), "cat"))
	plan((classes-1)*each, (classes-2)*ipc)
	remove(t, filepath.Join(samplesDir(r.Out), stage.SettingsFile))
	plan((classes-1)*each, 0)
	remove(t, filepath.Join(r.latentsDir(), stage.SettingsFile))
	plan(0, 0)
}

// TestPlanOfShard: a shard plans its own part, and counts that alone.
func TestPlanOfShard(t *testing.T) {
	r := tinyRun(t, 4)
	r.Shard = stage.Shard{Index: 0, Count: 3}
	if err := r.Encode(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{4, 0, 0} {
		r.Shard.Index = i
		if p, err := r.Plan(t.Context()); err != nil || p.Encoded != want || p.Real != 4 || p.Synthetic != 2 {
			t.Errorf("shard %d: %+v, %v; want %d of 4 encoded, and 2 to sample", i, p, err, want)
		}
	}
}

// TestSampleEach: steps without guidance take half, and every draw counts.
func TestSampleEach(t *testing.T) {
	p := Plan{Real: 100, Encoded: 40, Synthetic: 10, Sampled: 4, Draws: 4, Steps: 50, Plain: 10,
		EncodeEach: time.Millisecond, StepEach: 2 * time.Millisecond, DecodeEach: 5 * time.Millisecond}
	if got, want := p.SampleEach(), 4*(40*2+10*1+5)*time.Millisecond; got != want {
		t.Errorf("an image takes %v, want %v", got, want)
	}
	if got, want := p.Estimate(), (60+6*380)*time.Millisecond; got != want {
		t.Errorf("the estimate is %v, want %v", got, want)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
