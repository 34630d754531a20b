package compare

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"mgd3/diffusion"
	"mgd3/distill"
	"mgd3/evaluate"
	"mgd3/internal/fixtures/maker"
	"mgd3/modes"
	"mgd3/report"
)

// tinySweep is a sweep of a few seconds over 10 images of each class, of which 2 are held out.
func tinySweep(t *testing.T) *Sweep {
	o := maker.New(t, 10)
	o.Settings.Modes.IPC = 2
	return &Sweep{
		Maker: o, Axes: Axes{Lambda: []float64{0, 0.3}, Stop: []int{0}}, Sets: 1, HeldOut: 0.2,
		Judge: evaluate.Judge{Net: "convnet2", Protocol: "quick", Changes: []string{"epochs=2"}},
	}
}

func sweepOf(t *testing.T, s *Sweep) *Swept {
	t.Helper()
	swept, err := s.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return swept
}

func jsonOf(t *testing.T, s *Swept) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.JSON(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestSweep: every point is made, judged and reported; what was made is kept; another folder, another batch and an
// interruption give the same bytes.
func TestSweep(t *testing.T) {
	s := tinySweep(t)
	var done []string
	s.Done = func(n, total int, p Point, trial Trial) { done = append(done, p.folder()) }
	first := sweepOf(t, s)
	if want := []string{"lambda0.3-stop3-kmeans-steps6-cfg4", "lambda0-stop3-kmeans-steps6-cfg4",
		"lambda0.3-stop0-kmeans-steps6-cfg4"}; !reflect.DeepEqual(done, want) {
		t.Errorf("tried %q, want %q", done, want)
	}
	for _, p := range first.Points {
		a := p.accuracies()
		if len(a) != 1 || a[0] < 0 || a[0] > 100 {
			t.Errorf("%v: accuracies %v, want one in percent", p.Point, a)
		}
		for _, name := range ScoreNames {
			if len(p.score(name)) != 1 {
				t.Errorf("%v: %s is %v, want one", p.Point, name, p.score(name))
			}
		}
	}
	m, err := distill.ReadManifest(filepath.Join(s.Out, "sets", "lambda0-stop3-kmeans-steps6-cfg4", "seed0"))
	if err != nil {
		t.Fatal(err)
	}
	if m.Settings.Sample.Lambda != 0 || m.Classes[0].Real != 8 || !strings.HasPrefix(m.Part, "kept") {
		t.Errorf("the set at λ 0 was made with λ %v from %d images, part %q; want 0 and the 8 kept",
			m.Settings.Sample.Lambda, m.Classes[0].Real, m.Part)
	}

	before := modified(t, s.Out)
	if again := sweepOf(t, s); jsonOf(t, again) != jsonOf(t, first) {
		t.Error("the same sweep again has another result")
	}
	if after := modified(t, s.Out); !reflect.DeepEqual(after, before) {
		t.Error("the same sweep again wrote files")
	}
	other := tinySweep(t)
	other.Maker.Batch = 1
	ctx, cancel := context.WithCancel(t.Context())
	other.Done = func(int, int, Point, Trial) { cancel() }
	if _, err := other.Do(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped after the first set: got %v, want an interruption", err)
	}
	other.Done = nil
	if got := sweepOf(t, other); jsonOf(t, got) != jsonOf(t, first) {
		t.Errorf("in another folder and batch, with an interruption: got %s, want %s", jsonOf(t, got), jsonOf(t, first))
	}
}

// modified is when each visible file below dir was written, but for manifests, which are written each time.
func modified(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	times := map[string]int64{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") || entry.Name() == "manifest.json" {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			times[path] = info.ModTime().UnixNano()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return times
}

// TestSweepWithoutNet: the scores alone, and only of the images held out.
func TestSweepWithoutNet(t *testing.T) {
	s := tinySweep(t)
	s.Judge.Net = ""
	swept := sweepOf(t, s)
	for _, p := range swept.Points {
		if p.Trials[0].Accuracy != nil {
			t.Errorf("%v: has an accuracy without a network", p.Point)
		}
	}
	r := swept.Result()
	if len(r.Tables) != 1 || len(r.Plots) != 2 {
		t.Errorf("shown as %d tables and %d plots, want the scores and a plot for λ and stop", len(r.Tables),
			len(r.Plots))
	}
}

// TestSweepOnTest: a test set judges sets that are the same, and says so.
func TestSweepOnTest(t *testing.T) {
	s := tinySweep(t)
	s.Axes = Axes{}
	held := sweepOf(t, s)
	s.Test = s.Train
	test := sweepOf(t, s)
	if held.On != OnHeldOut || test.On != OnTest {
		t.Errorf("judged on %q and %q, want %q and %q", held.On, test.On, OnHeldOut, OnTest)
	}
	if note := test.Result().Notes[0]; !strings.Contains(note, "TEST images") {
		t.Errorf("the note says %q, want a word on TEST images", note)
	}
	if !reflect.DeepEqual(held.Points[0].Trials[0].Scores, test.Points[0].Trials[0].Scores) {
		t.Error("the scores depend on what the judge tests on")
	}
}

func TestSweepRefuses(t *testing.T) {
	good := *tinySweep(t)
	for name, c := range map[string]struct {
		spoil func(*Sweep)
		kind  error
		text  string
	}{
		"no sets":        {func(s *Sweep) { s.Sets = 0 }, nil, "0 sets"},
		"a bad value":    {func(s *Sweep) { s.Axes.Lambda = []float64{-1} }, nil, "lambda is -1"},
		"a bad method":   {func(s *Sweep) { s.Axes.Cluster = []modes.Method{"dbscan"} }, nil, "dbscan"},
		"too few images": {func(s *Sweep) { s.Settings.Modes.IPC = 9 }, modes.ErrTooFew, "have 8"},
		"all held out":   {func(s *Sweep) { s.HeldOut = 0.99 }, ErrHeldOut, `class "cat"`},
		"soft labels":    {func(s *Sweep) { s.Judge.Protocol = "soft" }, nil, "teacher"},
		"no such net":    {func(s *Sweep) { s.Judge.Net = "lenet9" }, nil, "lenet9"},
	} {
		s := good
		s.Out = t.TempDir()
		c.spoil(&s)
		_, err := s.Do(t.Context())
		if err == nil || !strings.Contains(err.Error(), c.text) || (c.kind != nil && !errors.Is(err, c.kind)) {
			t.Errorf("%s: got error %v, want one with %q", name, err, c.text)
		}
		if exists(filepath.Join(s.Out, "sets")) {
			t.Errorf("%s: sets were made", name)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// grid is a sweep's result with made-up numbers: two values of λ and stop, two sets each.
func grid() *Swept {
	s := &Swept{On: OnHeldOut, Grid: true, Judge: evaluate.Judge{Net: "convnet3"},
		Settings: distill.Settings{Sample: distill.SampleSettings{Settings: diffusion.Settings{}}}}
	for i, p := range (Axes{Lambda: []float64{0.2, 0.1}, Stop: []int{10, 25}}).Points(published, true) {
		a, b := float64(i)/10, float64(i)/10+0.04
		s.Points = append(s.Points, PointTrials{p, []Trial{{0, &a, map[string]float64{ScoreKernelRidge: a}},
			{1, &b, nil}}})
	}
	return s
}

func TestSweptPlots(t *testing.T) {
	r := grid().Result()
	var lambda report.Plot
	for _, p := range r.Plots {
		if p.Title == "lambda-accuracy" {
			lambda = p
		}
	}
	if len(r.Plots) != 4 || len(lambda.Lines) != 2 {
		t.Fatalf("%d plots, %d lines of λ; want two for each axis, a line for each stop", len(r.Plots),
			len(lambda.Lines))
	}
	// The points in order: the base (0.1, 25), then (0.2, 10), (0.2, 25), (0.1, 10).
	line := lambda.Lines[0]
	if line.Name != "stop 25" || !reflect.DeepEqual(line.X, []float64{0.1, 0.2}) {
		t.Errorf("line %q over %v, want stop 25 over 0.1, 0.2", line.Name, line.X)
	}
	near(t, "mean", line.Y, []float64{2, 22})
	near(t, "deviation", line.Err, []float64{2, 2})
}

// TestAgreement: the only score is the accuracy itself; of the others there is nothing to say.
func TestAgreement(t *testing.T) {
	row, ok := grid().agreement()
	if !ok || len(row.Cells[0].Values) != 1 || math.Abs(row.Cells[0].Values[0]-1) > 1e-12 ||
		len(row.Cells[1].Values) != 0 {
		t.Errorf("got %+v, want 1 for the lesson and nothing else", row)
	}
	if got, want := ranks([]float64{3, 1, 3, 2}), []float64{2.5, 0, 2.5, 1}; !reflect.DeepEqual(got, want) {
		t.Errorf("ranks are %v, want %v", got, want)
	}
	if _, ok := (&Swept{Points: grid().Points[:1]}).agreement(); ok {
		t.Error("a single set was ranked")
	}
}

func near(t *testing.T, what string, got, want []float64) {
	t.Helper()
	for i := range want {
		if d := got[i] - want[i]; d > 1e-9 || d < -1e-9 { // sums of a few numbers of order 10
			t.Errorf("%s is %v, want %v", what, got, want)
			return
		}
	}
}

func TestSweptCSV(t *testing.T) {
	var b bytes.Buffer
	if err := grid().CSV(&b); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) != 9 || len(lines[0]) != 7+len(ScoreNames) {
		t.Fatalf("%d lines of %d fields, want a header and 8 sets with all scores", len(lines), len(lines[0]))
	}
	if want := []string{"0.2", "10", "kmeans", "50", "4", "0", "0.1", "0.1", "", "", "",
		""}; !reflect.DeepEqual(lines[3], want) {
		t.Errorf("got %q, want %q", lines[3], want)
	}
}

func TestSweptJSONComesBack(t *testing.T) {
	var back Swept
	if err := json.Unmarshal([]byte(jsonOf(t, grid())), &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&back, grid()) {
		t.Errorf("got %+v", back)
	}
}
