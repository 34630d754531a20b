package distill

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mgd3/internal/fixtures/testengine"
	"mgd3/matrix"
	"mgd3/stage"
	"mgd3/stage/lease"
)

func at(degrees float64) []float64 {
	return []float64{math.Cos(degrees * math.Pi / 180), math.Sin(degrees * math.Pi / 180)}
}

// TestS3KnownAnswers: directions in the plane, where cos(u, r) is the cosine of the angle between them.
func TestS3KnownAnswers(t *testing.T) {
	for _, c := range []struct {
		name string
		real []float64   // angle of r for each class
		of   [][]float64 // angles of u, by class and group
		want []int
	}{
		{"one class: nearest to the real", []float64{0}, [][]float64{{30, -10, 20}}, []int{1}},
		{"of equals the first", []float64{0}, [][]float64{{20, 20, -20}}, []int{0}},
		{"one group", []float64{0, 90}, [][]float64{{5}, {80}}, []int{0, 0}},
		// The first class begins at 10°: 0.4·4.19 = 1.67 near to its own, 0.9·(−1.03) = −0.93 from the other's 60°. At
		// −20° it has 1.12 − 0.17, which is more. The second then has 1.12 − 0.17 at 60°, and 0.80 − 0 at 70°.
		{"apart", []float64{0, 40}, [][]float64{{10, -20}, {60, 10, 70}}, []int{1, 0}},
	} {
		real, means := [][]float64{}, make([][][]float64, len(c.of))
		for i, a := range c.real {
			real = append(real, at(a))
			for _, b := range c.of[i] {
				means[i] = append(means[i], at(b))
			}
		}
		got := s3(real, means)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
		// No class can do better alone: the whole sum, written down.
		sum := func(chosen []int) (all float64) {
			for i := range real {
				all -= s3Alpha * math.Log(1-math.Cos((c.real[i]-c.of[i][chosen[i]])*math.Pi/180)+s3Epsilon)
				for j := range i {
					all += s3Beta * math.Log(1-math.Cos((c.of[j][chosen[j]]-c.of[i][chosen[i]])*math.Pi/180)+s3Epsilon)
				}
			}
			return all
		}
		for i := range got {
			for g := range means[i] {
				other := slices.Clone(got)
				other[i] = g
				if sum(other) > sum(got)+1e-9 {
					t.Errorf("%s: class %d would gain by group %d: %v, have %v", c.name, i, g, sum(other), sum(got))
				}
			}
		}
	}
}

// TestS3Chooses: each class has the images, byte for byte, that one seed gives alone, which is the one of the formula;
// the same after a stop, in shards, put together from folders of their own, after an image was lost, and made again.
func TestS3Chooses(t *testing.T) {
	r := tinyRun(t, 4)
	const pool = 3
	runs, alone := bySeeds(t, r, pool)
	own := *r
	own.Latents = LatentsDir(r.Out)
	own.Settings.Sample.PoolOf, own.Settings.Sample.Choose = pool, ChooseS3
	whole := own
	whole.Out = t.TempDir()
	m, err := whole.Do(t.Context())
	want := hashes(t, m, err)
	chosen := chosenByHand(t, runs, m)
	for c, class := range m.Classes {
		for j, im := range class.Images {
			if im.Seed != uint64(chosen[c])*apart || im.SHA256 != alone[chosen[c]].Classes[c].Images[j].SHA256 {
				t.Errorf("class %q, image %d: seed %d, want group %d, and its bytes alone", class.Name, j, im.Seed,
					chosen[c])
			}
		}
	}
	if slices.Max(chosen) == slices.Min(chosen) {
		t.Errorf("the case shows nothing: all classes take seed %d", chosen[0])
	}
	if faults, _, err := Verify(t.Context(), whole.Out); len(faults) > 0 || err != nil {
		t.Errorf("%q, %v", faults, err)
	}
	if testengine.Name() != "cpu" || testing.Short() { // elsewhere the rows of a batch have other bytes alone
		return
	}
	settings := m.Settings.Sample
	settings.Seed = m.Classes[1].Images[1].Seed
	d, err := whole.Again(t.Context(), Again{Class: m.Classes[1].Name, Mode: 1, Settings: settings})
	if err != nil || d.Entry != m.Classes[1].Images[1] {
		t.Errorf("made again %+v, %v, want %+v", d, err, m.Classes[1].Images[1])
	}

	if err := os.Remove(filepath.Join(whole.Out, m.Classes[0].Images[1].File)); err != nil {
		t.Fatal(err)
	}
	m, err = whole.Do(t.Context())
	if got := hashes(t, m, err); !slices.Equal(got, want) {
		t.Error("after a loss: other bytes")
	}

	stopped := own
	stopped.Out = t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stopped.Report = func(e stage.Event) {
		if e.Stage == StageSample && e.Done > 2 {
			cancel()
		}
	}
	if _, err := stopped.Do(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped in the middle: %v", err)
	}
	stopped.Report = nil
	m, err = stopped.Do(t.Context())
	if got := hashes(t, m, err); !slices.Equal(got, want) {
		t.Error("stopped in the middle: other bytes")
	}

	shared := own
	shared.Out = t.TempDir()
	var group sync.WaitGroup
	for i := range 2 {
		group.Go(func() {
			worker := shared
			worker.Any = &lease.Any{Pieces: 3, Name: fmt.Sprint("worker", i), Term: time.Minute}
			if m, err := worker.Do(t.Context()); m == nil || err != nil {
				t.Errorf("worker %d: %v, %v", i, m, err)
			}
		})
	}
	group.Wait()
	m, err = ReadManifest(shared.Out)
	if got := hashes(t, m, err); !slices.Equal(got, want) {
		t.Error("among workers: other bytes")
	}

	cut := own
	cut.Out, cut.Batch = t.TempDir(), 1
	var folders []string
	for i := range 2 {
		cut.Shard = stage.Shard{Index: i, Count: 2}
		if m, err = cut.Do(t.Context()); i == 0 && (m != nil || err != nil) {
			t.Errorf("the first shard has chosen already: %v, %v", m, err)
		}
		apart := cut
		apart.Out, apart.Latents = t.TempDir(), ""
		if _, err := apart.Do(t.Context()); err != nil {
			t.Fatal(err)
		}
		folders = append(folders, apart.Out)
	}
	if got := hashes(t, m, err); !slices.Equal(got, want) {
		t.Error("in two shards: other bytes")
	}
	m, err = Merge(t.Context(), filepath.Join(t.TempDir(), "merged"), folders, func(w string) { t.Error(w) })
	if got := hashes(t, m, err); !slices.Equal(got, want) {
		t.Error("put together: other bytes")
	}
	damaged := filepath.Join(folders[1], "candidates", fmt.Sprint(2*apart), "images")
	if err := os.RemoveAll(damaged); err != nil {
		t.Fatal(err)
	}
	_, err = Merge(t.Context(), filepath.Join(t.TempDir(), "merged"), folders, func(w string) { t.Error(w) })
	if !errors.Is(err, stage.ErrDamaged) || !strings.Contains(fmt.Sprint(err), "candidates") {
		t.Errorf("a candidate is lost: %v", err)
	}
}

// chosenByHand is the choice for the sets that the seeds give alone, with means written down once more.
func chosenByHand(t *testing.T, alone []*Run, m *Manifest) []int {
	t.Helper()
	mean := func(x matrix.Matrix, weight func(j int) float64) []float64 {
		sum, norm := make([]float64, x.Cols), 0.
		for j := range x.Rows {
			size := 0.
			for _, v := range x.Row(j) {
				size += float64(v) * float64(v)
			}
			for l, v := range x.Row(j) {
				sum[l] += weight(j) * float64(v) / math.Sqrt(size)
			}
		}
		for _, v := range sum {
			norm += v * v
		}
		for l := range sum {
			sum[l] /= math.Sqrt(norm)
		}
		return sum
	}
	var real [][]float64
	means := make([][][]float64, len(m.Classes))
	for c, class := range m.Classes {
		centres, err := Centres(alone[0].Out, class.Name)
		if err != nil {
			t.Fatal(err)
		}
		real = append(real, mean(centres, func(j int) float64 { return float64(class.Images[j].ClusterSize) }))
		for _, one := range alone {
			x, err := Samples(one.Out, class.Name)
			if err != nil {
				t.Fatal(err)
			}
			means[c] = append(means[c], mean(x, func(int) float64 { return 1 }))
		}
	}
	return s3(real, means)
}
