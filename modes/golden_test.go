package modes

import (
	"math"
	"slices"
	"strconv"
	"testing"

	"mgd3/internal/fixtures/golden"
	"mgd3/matrix"
	"mgd3/rng"
	"mgd3/weights"
)

// goldenKMeans is what case.json says.
type goldenKMeans struct {
	golden.Case `json:"-"`

	Files map[string]map[string]struct{} // file, tensor

	LloydCases []struct {
		Name      string
		N, Dim, K int
		MaxIter   int `json:"max_iter"`
		Tol       float64
		Inertia   float64
		NIter     int   `json:"n_iter"`
		Sizes     []int `json:"cluster_sizes"`
	} `json:"lloyd_cases"`

	DataSharedWith map[string]string `json:"data_shared_with"`

	Replays []struct {
		Prefix, Data string
		K            int
		FirstIndex   int `json:"first_index"`
		LocalTrials  int `json:"local_trials"`
	} `json:"kmeanspp_replay"`

	TooFewPoints []struct{ N, K int } `json:"too_few_points"`

	Quality []struct {
		Data     string
		K, Seeds int
		Final    struct{ Mean float64 } `json:"final_inertia_stats"`
		Best     float64                `json:"best_of_30"`
	} `json:"kmeanspp_quality"`
}

func goldenCases(t *testing.T) []goldenKMeans {
	var all []goldenKMeans
	for _, c := range golden.Cases(t, "kmeans") {
		g := goldenKMeans{Case: c}
		c.Decode(t, &g)
		g.Case = c
		all = append(all, g)
	}
	return all
}

// tensor finds a tensor in the case's files.
func (g goldenKMeans) tensor(t *testing.T, name string) weights.Tensor {
	t.Helper()
	for file, names := range g.Files {
		if _, ok := names[name]; ok {
			return g.Tensor(t, file, name)
		}
	}
	t.Fatalf("%s: no file has tensor %q", g.Name, name)
	return weights.Tensor{}
}

func (g goldenKMeans) matrix(t *testing.T, name string) matrix.Matrix {
	t.Helper()
	tensor := g.tensor(t, name)
	data, err := tensor.Float32s()
	if err != nil || len(tensor.Shape) != 2 {
		t.Fatalf("%s: %s: shape %v, %v", g.Name, name, tensor.Shape, err)
	}
	return matrix.Matrix{Rows: tensor.Shape[0], Cols: tensor.Shape[1], Data: data}
}

// data returns the rows to cluster, which some cases share.
func (g goldenKMeans) data(t *testing.T, name string) matrix.Matrix {
	t.Helper()
	if shared, ok := g.DataSharedWith[name]; ok {
		return g.matrix(t, shared)
	}
	return g.matrix(t, name+"/x")
}

func (g goldenKMeans) ints(t *testing.T, name string) []int {
	t.Helper()
	raw, err := g.tensor(t, name).Int64s()
	if err != nil {
		t.Fatal(err)
	}
	ints := make([]int, len(raw))
	for i, v := range raw {
		ints[i] = int(v)
	}
	return ints
}

func TestGoldenLloyd(t *testing.T) {
	for _, g := range goldenCases(t) {
		if len(g.LloydCases) == 0 {
			t.Errorf("%s: no Lloyd cases", g.Name)
		}
		report := g.Report(t)
		for _, want := range g.LloydCases {
			x, init := g.data(t, want.Name), g.matrix(t, want.Name+"/init")
			if x.Rows != want.N || x.Cols != want.Dim || init.Rows != want.K {
				t.Fatalf("%s: shapes [%d, %d] and [%d, …] are not those of case.json", want.Name, x.Rows, x.Cols,
					init.Rows)
			}
			tol := want.Tol * variance(x)
			got := lloydFrom(t, x, init, want.MaxIter, tol)
			inertia := matrix.Sum(ownDistances(x, got.Assignment, got.Centres))
			if distinctRows(x) < want.K {
				wantDistinctCentres(t, want.Name, x, got, inertia)
				continue
			}
			if labels := g.ints(t, want.Name+"/labels"); !slices.Equal(got.Assignment, labels) {
				t.Errorf("%s: the assignments differ from the labels", want.Name)
			}
			if size := clusterSizes(got.Assignment, want.K); !slices.Equal(size, want.Sizes) {
				t.Errorf("%s: cluster sizes are %v, want %v", want.Name, size, want.Sizes)
			}
			// One iteration more or less is allowed where the tolerance ends the loop.
			off := got.Iterations - want.NIter
			byTolerance := lloydFrom(t, x, init, want.MaxIter, -1).Iterations != got.Iterations
			if off != 0 && !(byTolerance && max(off, -off) == 1) {
				t.Errorf("%s: %d iterations, want %d", want.Name, got.Iterations, want.NIter)
			}
			report.Compare(want.Name+"/centers", got.Centres.Data, g.matrix(t, want.Name+"/centers").Data,
				g.Tolerance(t, "centers"))
			report.CompareRelative(want.Name+" inertia", []float64{inertia}, []float64{want.Inertia},
				g.Tolerance(t, "inertia_relative"))
			if rows := g.ints(t, want.Name+"/closest_row"); !slices.Equal(nearest(x, got.Centres), rows) {
				t.Errorf("%s: nearest rows are %v, want %v", want.Name, nearest(x, got.Centres), rows)
			}
		}
	}
}

func distinctRows(x matrix.Matrix) int {
	distinct := map[string]bool{}
	for i := range x.Rows {
		distinct[key(x.Row(i))] = true
	}
	return len(distinct)
}

func key(row []float32) string {
	var b []byte
	for _, v := range row {
		b = strconv.AppendFloat(append(b, ' '), float64(v), 'g', -1, 32)
	}
	return string(b)
}

// wantDistinctCentres checks a case with fewer distinct rows than centres: every row is its
// centre, the centres are the distinct rows. Its tolerance in case.json is a sentence; we meet
// it exactly.
func wantDistinctCentres(t *testing.T, name string, x matrix.Matrix, got Clustering, inertia float64) {
	t.Helper()
	if inertia != 0 {
		t.Errorf("%s: inertia is %v, want 0", name, inertia)
	}
	if n := distinctRows(got.Centres); n != distinctRows(x) {
		t.Errorf("%s: %d distinct centres, want %d", name, n, distinctRows(x))
	}
}

func TestGoldenPlusPlus(t *testing.T) {
	for _, g := range goldenCases(t) {
		if len(g.Replays) == 0 {
			t.Errorf("%s: no replays", g.Name)
		}
		for _, replay := range g.Replays {
			uniforms, err := g.tensor(t, replay.Prefix+"/uniforms").Float64s()
			if err != nil {
				t.Fatal(err)
			}
			used := 0
			got := start(t, g.matrix(t, replay.Data), replay.K, replay.FirstIndex, func() float64 {
				used++
				return uniforms[used-1]
			})
			if want := g.ints(t, replay.Prefix+"/indices"); !slices.Equal(got, want) {
				t.Errorf("%s: chosen rows are %v, want %v", replay.Prefix, got, want)
			}
			if used != len(uniforms) || used != (replay.K-1)*replay.LocalTrials {
				t.Errorf("%s: %d draws, want %d", replay.Prefix, used, len(uniforms))
			}
		}
	}
}

func TestGoldenPlusPlusQuality(t *testing.T) {
	if testing.Short() {
		t.Skip("many whole runs: without -short only")
	}
	for _, g := range goldenCases(t) {
		if len(g.Quality) == 0 {
			t.Errorf("%s: no qualities", g.Name)
		}
		most, least := g.Tolerance(t, "quality_most"), g.Tolerance(t, "quality_least")
		for _, q := range g.Quality {
			x := g.matrix(t, q.Data)
			mean, best := 0.0, math.Inf(1)
			for seed := range q.Seeds {
				c, err := Discover(t.Context(), x, q.K, Options{}, rng.Stream(uint64(seed), "quality"))
				if err != nil {
					t.Fatal(err)
				}
				mean += c.Inertia / float64(q.Seeds)
				best = min(best, c.Inertia)
			}
			t.Logf("%s, k = %d: mean inertia %.1f, reference %.1f; least %.1f, reference's best of 30 %.1f", q.Data,
				q.K, mean, q.Final.Mean, best, q.Best)
			if mean > q.Final.Mean*most || best < q.Best*least {
				t.Errorf("%s, k = %d: mean inertia %v, least %v, want at most %v and at least %v", q.Data, q.K, mean,
					best, q.Final.Mean*most, q.Best*least)
			}
		}
	}
}

func TestGoldenTooFewPoints(t *testing.T) {
	for _, g := range goldenCases(t) {
		for _, few := range g.TooFewPoints {
			if _, err := Discover(t.Context(), matrix.New(few.N, 1), few.K, Options{},
				rng.Stream(1, "few")); err == nil {
				t.Errorf("%s: %d points, %d modes: no error", g.Name, few.N, few.K)
			}
		}
	}
}
