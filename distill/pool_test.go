package distill

import (
	"fmt"
	"slices"
	"testing"
)

// bySeeds makes the set of r by each of n seeds alone.
func bySeeds(t *testing.T, r *Run, n int) (runs []*Run, made []*Manifest) {
	t.Helper()
	for seed := range n {
		one := *r
		one.Out, one.Latents = t.TempDir(), LatentsDir(r.Out)
		one.Settings.Sample.Seed = uint64(seed)
		one.Settings.Sample.PoolOf = seed % 2 // a pool of one is none
		m, err := one.Do(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		runs, made = append(runs, &one), append(made, m)
	}
	return runs, made
}

// TestNearestChooses: of the images that the seeds give alone, the one whose latent is nearest to its mode is kept,
// with its bytes.
func TestNearestChooses(t *testing.T) {
	r := tinyRun(t, 4)
	const pool = 3
	alone, made := bySeeds(t, r, pool)
	own := *r
	own.Out, own.Latents = t.TempDir(), LatentsDir(r.Out)
	own.Settings.Sample.PoolOf, own.Settings.Sample.Choose = pool, ChooseNearest
	m, err := own.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var seeds []uint64
	for c, class := range m.Classes {
		for i, im := range class.Images {
			var far [pool]float64
			for seed, run := range alone {
				s, err := SlotsOf(run.Out, made[seed].Classes[c])
				if err != nil {
					t.Fatal(err)
				}
				for l, v := range s.Latents.Row(i) {
					diff := float64(v) - float64(s.Centres.Row(im.Mode)[l])
					far[seed] += diff * diff
				}
			}
			want := slices.Index(far[:], slices.Min(far[:]))
			name := fmt.Sprintf("class %q, image %d", class.Name, i)
			if im.Seed != uint64(want) || im.SHA256 != made[want].Classes[c].Images[i].SHA256 {
				t.Errorf("%s: seed %d, want %d, of the squared distances %v", name, im.Seed, want, far)
			}
			seeds = append(seeds, im.Seed)
		}
	}
	if slices.Max(seeds) == slices.Min(seeds) {
		t.Errorf("the case shows nothing: all images are of seed %d", seeds[0])
	}
}
