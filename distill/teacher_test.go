package distill

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/dataset"
	"mgd3/internal/fixtures/testengine"
)

// byBytes is a teacher whose opinion is made of an image's bytes: any images, always the same of the same.
type byBytes struct{ classes int }

func (byBytes) ID() string { return "by bytes" }

func (b byBytes) Likely(_ context.Context, images []*dataset.RGB, _ int) (all []float32, err error) {
	for _, im := range images {
		sum, row, total := sha256.Sum256(im.Pix), make([]float32, b.classes), float32(0)
		for k := range row {
			row[k] = 1 + float32(sum[k])
			total += row[k]
		}
		for k := range row {
			all = append(all, row[k]/total)
		}
	}
	return all, nil
}

// TestTeacherChooses: of the images that the seeds give alone, the one that the formula says; where all are taken for
// other classes the manifest says so; the same in any batch, and made once more.
func TestTeacherChooses(t *testing.T) {
	r := tinyRun(t, 6)
	r.Settings.Modes.IPC = 4
	teacher := byBytes{len(r.ClassNames)}
	const pool = 3
	runs, alone := bySeeds(t, r, pool)
	for seed, m := range alone {
		for _, class := range m.Classes {
			for i := range class.Images {
				class.Images[i].File = filepath.Join(runs[seed].Out, class.Images[i].File)
			}
		}
	}
	seenTaken, seenRight := false, map[Choose][]uint64{}
	for _, rule := range []Choose{ChooseTeacher, ChooseHard} {
		own := *r
		own.Out, own.Latents = t.TempDir(), LatentsDir(r.Out)
		own.Settings.Sample.PoolOf, own.Settings.Sample.Choose = pool, rule
		own.OpenTeacher = func(context.Context, []string, int) (Teacher, error) { return teacher, nil }
		m, err := own.Do(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for c, class := range m.Classes {
			for i, im := range class.Images {
				best, seed, taken := -1., 0, true
				for s := range alone {
					score, right := expected(t, rule, teacher, alone[s].Classes[c].Images[i].File, c)
					if score > best {
						best, seed, taken = score, s, !right
					}
				}
				same := im.SHA256 == alone[seed].Classes[c].Images[i].SHA256
				if im.Seed != uint64(seed)*apart || !same || im.Taken != taken {
					t.Errorf("%s: class %q, image %d: seed %d, taken %t, want candidate %d, %t", rule, class.Name, i,
						im.Seed, im.Taken, seed, taken)
				}
				seenTaken = seenTaken || taken
				seenRight[rule] = append(seenRight[rule], im.Seed)
			}
		}
		if faults, _, err := Verify(t.Context(), own.Out); len(faults) > 0 || err != nil {
			t.Errorf("%s: %q, %v", rule, faults, err)
		}
		again, err := own.Again(t.Context(), Again{Class: m.Classes[1].Name, Mode: 1, Settings: m.Settings.Sample})
		if err != nil || again.Entry != m.Classes[1].Images[1] {
			t.Errorf("%s: made again %+v, %v, want %+v", rule, again, err, m.Classes[1].Images[1])
		}
		if testengine.Name() != "cpu" { // where the rows of a batch have other bytes alone
			continue
		}
		small := own
		small.Out, small.Batch = t.TempDir(), 1
		if other, err := small.Do(t.Context()); err != nil || fmt.Sprint(other.Classes) != fmt.Sprint(m.Classes) {
			t.Errorf("%s: in batches of one: %v, %v, want %v", rule, other, err, m.Classes)
		}
	}
	if !seenTaken || slices.Equal(seenRight[ChooseTeacher], seenRight[ChooseHard]) {
		t.Errorf("the case shows nothing: taken %t, chosen %v", seenTaken, seenRight)
	}
}

// expected is what a rule says of a finished image of the c-th class.
func expected(t *testing.T, rule Choose, b byBytes, file string, c int) (score float64, right bool) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	im, err := dataset.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	likely, _ := b.Likely(t.Context(), []*dataset.RGB{im}, 1)
	p := float64(likely[c])
	if slices.Index(likely, slices.Max(likely)) != c {
		return p, false
	}
	if rule == ChooseHard {
		return 2 - p, true
	}
	return 1 + p, true
}

// TestTeacherMissing: a rule that asks a teacher says so before anything is made, and refuses another one.
func TestTeacherMissing(t *testing.T) {
	r := tinyRun(t, 3)
	s := &r.Settings.Sample
	s.PoolOf, s.Choose = 2, ChooseTeacher
	if _, err := r.Do(t.Context()); !errors.Is(err, ErrModel) || !strings.Contains(err.Error(), "asks a teacher") {
		t.Errorf("without a teacher: %v", err)
	}
	r.OpenTeacher = func(context.Context, []string, int) (Teacher, error) { return byBytes{3}, nil }
	s.Teacher = "another"
	if _, err := r.Do(t.Context()); !errors.Is(err, ErrModel) || !strings.Contains(err.Error(), `"another"`) {
		t.Errorf("another teacher: %v", err)
	}
	if _, err := os.Stat(r.Out); err == nil {
		t.Error("something was made")
	}
}
