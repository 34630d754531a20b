package distill

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"gonum.org/v1/gonum/floats"

	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/stage/numbers"
	"mgd3/weights"
)

// S³ of IMS3 (CVPR 2026, arXiv:2603.13960) chooses for all classes together. The images of a class that one seed gives
// are a group g, with x their latents; m are the modes of the class, n their cluster sizes:
//
//	u(c, g) = mean of x/|x|,   r(c) = Σ n·m/|m|
//	α·Σ_c −ln(1 − cos(u(c), r(c)) + ε) + β·Σ_{c<d} ln(1 − cos(u(c), u(d)) + ε),   α = 0.4, β = 0.9, ε = 1e-12
//
// has to be large: each class near to its real images, and the classes far from each other. Each class begins with the
// group whose first term is largest. Then one class after another takes the group that is best while the others stay,
// until none changes, 5 rounds at most. Of equals the first stays. IMS3's program looks at features of a classifier,
// at up to 200 real images, and has ε = 0; here the modes stand for the real images.
//
// A group is sampled below OUT/candidates/SEED as a run by that seed alone has it. The choice is made by [Finish], when
// all groups are there.
const (
	s3Alpha, s3Beta, s3Epsilon = 0.4, 0.9, 1e-12
	s3Rounds                   = 5
)

func candidatesDir(out string) string { return filepath.Join(out, "candidates") }

// group is the record of images that lie below dir.
type group struct {
	samplesRecord
	dir string
}

// groups returns how many sets are drawn and written: one, but of ChooseS3 one for each seed.
func (s SampleSettings) groups() int {
	if s.Choose == ChooseS3 {
		return s.candidates()
	}
	return 1
}

// groups are the sets that are drawn below out.
func (c samplesRecord) groups(out string) []group {
	if c.Settings.Choose != ChooseS3 {
		return []group{{c, out}}
	}
	all := make([]group, c.Settings.groups())
	for g := range all {
		own := c
		own.Settings.PoolOf, own.Settings.Choose, own.Settings.Seed = 0, "", c.Settings.seedOf(g)
		all[g] = group{own, filepath.Join(candidatesDir(out), strconv.FormatUint(own.Settings.Seed, 10))}
	}
	return all
}

// parts writes the images of a shard, in each group.
func (s *sampling) parts(ctx context.Context, shard stage.Shard, size int, p *numbers.Progress) error {
	for _, g := range s.record.groups(s.run.Out) {
		own := *s
		own.record, own.dir = g.samplesRecord, g.dir
		err := own.part(ctx, shard, size, p)
		if s.toldOfNone = own.toldOfNone; err != nil {
			return err
		}
	}
	return nil
}

// chooseGroups puts the images of the groups that are chosen into the places of the run's. Where candidates are missing
// it does nothing.
func (c samplesRecord) chooseGroups(out string) error {
	all := c.groups(out)
	real, means := make([][]float64, len(c.Labels)), make([][][]float64, len(c.Labels))
	for i, class := range c.Modes.Latents.Classes {
		modes, err := c.Modes.read(out, class)
		if err != nil {
			return missing(err)
		}
		real[i], means[i] = modes.direction(), make([][]float64, len(all))
		for g, of := range all {
			means[i][g] = make([]float64, modes.Centres.Cols)
			for j := range modes.Centres.Rows {
				im := of.image(i, j)
				x, _, err := readSample(im.latent(of.dir), of.key(im, modes.Key), modes.Centres.Cols)
				if err != nil {
					return missing(err)
				}
				addDirection(means[i][g], x, 1)
			}
			scaleToOne(means[i][g])
		}
	}
	for i, g := range s3(real, means) {
		modes, err := c.Modes.read(out, c.Modes.Latents.Classes[i])
		if err != nil {
			return err
		}
		for j := range modes.Centres.Rows {
			if err := c.take(out, all[g], i, j, modes); err != nil {
				return err
			}
		}
	}
	return nil
}

// missing is nil for what another shard has yet to make.
func missing(err error) error {
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, errStale) {
		return nil
	}
	return err
}

// take puts the j-th image of the i-th class of a group into its place, if it is not there.
func (c samplesRecord) take(out string, from group, i, j int, modes *classModes) error {
	im, seed := c.image(i, j), strconv.FormatUint(from.Settings.Seed, 10)
	key := c.key(im, modes.Key)
	x, about, err := readSample(im.latent(from.dir), from.key(im, modes.Key), modes.Centres.Cols)
	if err != nil {
		return err
	}
	_, have, err := readSample(im.latent(out), key, modes.Centres.Cols)
	if err == nil && have["seed"] == seed && have["image"] == about["image"] {
		if png, err := atomicfile.Read(im.png(out), mostPNG); err == nil && digest(png) == have["image"] {
			return nil
		}
	}
	png, err := atomicfile.Read(im.png(from.dir), mostPNG)
	if err != nil {
		return err
	}
	if digest(png) != about["image"] {
		return fmt.Errorf("%q: %w: it is not as it was written", im.png(from.dir), stage.ErrDamaged)
	}
	to := maps.Clone(about)
	to["key"], to["seed"] = key, seed
	return im.put(out, png, weights.F32("latent", c.Modes.Latents.Shape, x), to)
}

// direction returns r, of length 1.
func (m *classModes) direction() []float64 {
	sum := make([]float64, m.Centres.Cols)
	for j, n := range m.Sizes {
		addDirection(sum, m.Centres.Row(j), float64(n))
	}
	scaleToOne(sum)
	return sum
}

// addDirection adds n·x/|x|.
func addDirection(sum []float64, x []float32, n float64) {
	norm := 0.0
	for _, v := range x {
		norm += float64(v) * float64(v)
	}
	if norm == 0 {
		return
	}
	for l, v := range x {
		sum[l] += n * float64(v) / math.Sqrt(norm)
	}
}

// scaleToOne makes a vector's length 1, or leaves it 0.
func scaleToOne(v []float64) {
	if norm := floats.Norm(v, 2); norm > 0 {
		floats.Scale(1/norm, v)
	}
}

// s3 returns the group of each class, for r [classes] and u [classes][groups], all of length 1.
func s3(real [][]float64, means [][][]float64) []int {
	away := func(a, b []float64) float64 { return math.Log(max(0, 1-floats.Dot(a, b)) + s3Epsilon) }
	chosen := make([]int, len(real))
	best := func(c int, score func(g int) float64) bool {
		was, most := chosen[c], score(chosen[c])
		for g := range means[c] {
			if v := score(g); v > most {
				chosen[c], most = g, v
			}
		}
		return chosen[c] != was
	}
	for c := range real {
		best(c, func(g int) float64 { return -away(means[c][g], real[c]) })
	}
	for range s3Rounds {
		changed := false
		for c := range real {
			if best(c, func(g int) float64 {
				sum := -s3Alpha * away(means[c][g], real[c])
				for d := range real {
					if d != c {
						sum += s3Beta * away(means[c][g], means[d][chosen[d]])
					}
				}
				return sum
			}) {
				changed = true
			}
		}
		if !changed {
			break
		}
	}
	return chosen
}
