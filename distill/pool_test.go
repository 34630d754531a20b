package distill

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/diffusion"
	"mgd3/engine"
	"mgd3/internal/fixtures/testengine"
	"mgd3/rng"
)

// apart is how far the seeds of an image's candidates are from each other.
const apart = 1 << 32

// bySeeds makes the set of r by each of the seeds alone that a pool of n draws with.
func bySeeds(t *testing.T, r *Run, n int) (runs []*Run, made []*Manifest) {
	t.Helper()
	for seed := range n {
		one := *r
		one.Out, one.Latents = t.TempDir(), LatentsDir(r.Out)
		one.Settings.Sample.Seed = uint64(seed) * apart
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
			if im.Seed != uint64(want)*apart || im.SHA256 != made[want].Classes[c].Images[i].SHA256 {
				t.Errorf("%s: seed %d, want candidate %d, of the squared distances %v", name, im.Seed, want, far)
			}
			seeds = append(seeds, im.Seed)
		}
	}
	if slices.Max(seeds) == slices.Min(seeds) {
		t.Errorf("the case shows nothing: all images are of seed %d", seeds[0])
	}
}

// TestPoolsShareNothing: the candidates of runs of neighbouring seeds are others, whatever the size of their pools.
func TestPoolsShareNothing(t *testing.T) {
	seen := map[uint64]bool{}
	for seed := range uint64(100) {
		s := SampleSettings{Seed: seed, PoolOf: 1000}
		if first := s.seedOf(0); first != seed {
			t.Errorf("the first candidate has seed %d, want that of the run, %d", first, seed)
		}
		for c := range s.candidates() {
			if of := s.seedOf(c); seen[of] {
				t.Fatalf("seed %d of candidate %d of a run of seed %d is another's, too", of, c, seed)
			} else {
				seen[of] = true
			}
		}
	}
}

// gaussian is the exact denoiser of classes that are N(μ, s²) in each of a latent's numbers.
type gaussian struct {
	Denoiser
	means []float64 // μ by label; the last is that of no label
	s     float64
}

func (g gaussian) Tensors() engine.Weights { return nil }

// noise returns the ε that is likeliest in x at ā: the rest of x without √ā·x̂0, x̂0 by Bayes' rule for two normals.
func (g gaussian) noise(x, alphaBar float64, label int) float64 {
	gain := math.Sqrt(alphaBar) * g.s * g.s / (alphaBar*g.s*g.s + 1 - alphaBar)
	mu := g.means[label]
	return (x - math.Sqrt(alphaBar)*(mu+gain*(x-math.Sqrt(alphaBar)*mu))) / math.Sqrt(1-alphaBar)
}

func (g gaussian) Step(s *diffusion.Sampler) engine.Func {
	levels := levels()
	return func(_ engine.Params, in []*Node) []*Node {
		den := func(x, time, y *Node) *Node {
			var slopes, offsets []float32 // of each timestep and label
			for _, ab := range levels {
				for label := range g.means {
					offset := g.noise(0, ab, label)
					slopes = append(slopes, float32(g.noise(1, ab, label)-offset))
					offsets = append(offsets, float32(offset))
				}
			}
			at := Add(MulScalar(ConvertDType(time, dtypes.Int32), len(g.means)), y)
			pick := func(table []float32) *Node {
				return ExpandDims(Gather(Const(x.Graph(), table), ExpandDims(at, -1)), 1, 2, 3)
			}
			return Add(Mul(pick(slopes), x), pick(offsets))
		}
		return []*Node{s.Graph(den, int32(len(g.means)-1), in[0], in[1], in[2], in[3], in[4])}
	}
}

// levels returns ā of the 1000 steps of DiT's process.
func levels() []float64 {
	levels, left := make([]float64, 1000), 1.0
	for i := range levels {
		left *= 1 - (1e-4 + float64(i)*(0.02-1e-4)/999)
		levels[i] = left
	}
	return levels
}

// TestLossDifference: of classes whose exact denoiser is known a candidate has the sum over the steps 199, 399, 599 and
// 799 of |ε − ε(x, ∅)|² − |ε − ε(x, y)|². Of classes that are one point, s = 0, no noise is left in it:
//
//	ā/(1 − ā)·(|c − μ∅|² − |c − μ|²)
//
// which grows towards the class. The error is that of x̂0 in float32, at most √(1/ā)·2⁻²² = 6e-6 at step 799, times
// twice the distance to the means, in each of the 4 numbers.
func TestLossDifference(t *testing.T) {
	const size = 4
	images := []image{{class: "a", index: 0}, {class: "b", index: 1, label: 1}, {class: "b", index: 2, label: 1}}
	candidates := []float32{1, 1, 0.5, 2, -0.5, -1, 0, -1, 0.25, 0.5, 0, 0.125}
	ab := levels()
	for _, spread := range []float64{0, 0.5} {
		g := gaussian{means: []float64{1, -0.75, 0.25}, s: spread}
		s := &sampling{run: &Run{Engine: testengine.Open(t), Denoiser: g}}
		s.record.Settings.Settings, s.record.Settings.Seed = publishedFor(diffusion.DDPM), 5
		if err := s.newLoss(); err != nil {
			t.Fatal(err)
		}
		batch := diffusion.Batch{Dims: [3]int{size, 1, 1}, Modes: make([]float32, len(candidates))}
		have, err := s.lossDifference(t.Context(), images, batch, candidates, 2)
		if err != nil {
			t.Fatal(err)
		}
		for i, im := range images {
			want, z := 0.0, make([]float32, size)
			for _, step := range []int{199, 399, 599, 799} {
				rng.Normals(rng.Stream(5, "choose", rng.Hash(im.class), uint64(im.index), uint64(step)), z)
				for l, c := range candidates[i*size : (i+1)*size] {
					from := func(label int) float64 {
						if spread == 0 {
							return ab[step] / (1 - ab[step]) * math.Pow(float64(c)-g.means[label], 2)
						}
						eps := float64(z[l])
						x := math.Sqrt(ab[step])*float64(c) + math.Sqrt(1-ab[step])*eps
						return math.Pow(eps-g.noise(x, ab[step], label), 2)
					}
					want += from(2) - from(int(im.label))
				}
			}
			if off := math.Abs(have[i] - want); !(off <= 1e-4) {
				t.Errorf("s = %v, %v: have %v, want %v", spread, im, have[i], want)
			}
		}
		if near, far := have[1], have[2]; near <= far {
			t.Errorf("s = %v: a candidate at its class has %v, one at the mean of all %v, want less", spread, near, far)
		}
	}
}
