package compare

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/stat"

	"mgd3/baseline"
	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/evaluate"
	"mgd3/report"
	"mgd3/stage/atomicfile"
)

// Sweep makes and judges sets at points around some settings.
type Sweep struct {
	// Maker is that of all sets: the modes' IPC is among the settings, and the seed is that of the first set.
	baseline.Maker
	Axes    Axes           // the values to go through
	Grid    bool           // every combination, in place of one axis at a time
	Sets    int            // sets of each point, at least 1
	HeldOut float64        // share of the training images that takes no part in the modes; the judge tests on it
	Judge   evaluate.Judge // without a Net nothing is trained: the scores alone
	Done    Done           // may be nil

	Flags map[string][]string // of mgd3 sweep, as given, for the page; may be nil

	// Test is what the judge tests on in place of the images held out, to report and never to choose by; or nil.
	Test *dataset.Set
}

// Done is told of every set.
type Done func(done, total int, p Point, t Trial)

// Swept is what a sweep found, as data.
type Swept struct {
	On       string           `json:"on"` // what the judge tested on, OnHeldOut or OnTest
	HeldOut  float64          `json:"held_out"`
	Judge    evaluate.Judge   `json:"judge"`
	Size     int              `json:"size,omitempty"` // pixels that the judge's network looks at
	Grid     bool             `json:"grid"`
	Settings distill.Settings `json:"settings"` // around which the points are: the first point
	Points   []PointTrials    `json:"points"`

	SeedEncodes bool `json:"seed_encodes,omitempty"` // every set has latents of its own seed

	Command string `json:"-"` // that makes the numbers; "" where it is not known
}

// PointTrials are the sets of one point.
type PointTrials struct {
	Point
	Trials []Trial `json:"trials"`
}

// Do makes and judges all sets. What an earlier call made is kept.
func (s *Sweep) Do(ctx context.Context) (*Swept, error) {
	if s.Sets < 1 {
		return nil, fmt.Errorf("%d sets a point, want at least 1", s.Sets)
	}
	// All points are checked before the first set is made: the last may be hours away.
	points := s.Axes.Points(PointOf(s.Settings), s.Grid)
	for _, p := range points {
		moved := p.settings(s.Settings)
		if err := moved.Sample.Check(); err != nil {
			return nil, fmt.Errorf("%v: %w", p, err)
		}
		if err := moved.Modes.Check(); err != nil {
			return nil, fmt.Errorf("%v: %w", p, err)
		}
	}
	t, err := newTrials(ctx, s.Maker, s.Judge, s.HeldOut, s.Test)
	if err != nil {
		return nil, err
	}
	swept := &Swept{On: t.on, HeldOut: s.HeldOut, Judge: s.Judge, Size: t.size, Grid: s.Grid, Settings: s.Settings,
		SeedEncodes: s.SeedEncodes}
	if s.Flags != nil {
		flags := maps.Clone(s.Flags)
		flags["out"] = []string{"again"} // so that the page has the same bytes in every folder
		swept.Command = report.Command([]string{"mgd3", "sweep"}, flags)
	}
	// Point by point, and in each all seeds: a sweep that was stopped has whole rows.
	done := 0
	for _, p := range points {
		of := PointTrials{Point: p}
		for i := range s.Sets {
			trial, err := t.try(ctx, p, s.Settings.Sample.Seed+uint64(i), s.Judge.Net != "")
			if err != nil {
				return nil, err
			}
			of.Trials = append(of.Trials, trial)
			if done++; s.Done != nil {
				s.Done(done, len(points)*s.Sets, p, trial)
			}
		}
		swept.Points = append(swept.Points, of)
	}
	return swept, nil
}

// accuracies are those of a point's sets in percent, none if nothing was trained.
func (p PointTrials) accuracies() (values []float64) {
	for _, t := range p.Trials {
		if t.Accuracy != nil {
			values = append(values, 100**t.Accuracy)
		}
	}
	return values
}

// score is one of the scores of a point's sets.
func (p PointTrials) score(name string) (values []float64) {
	for _, t := range p.Trials {
		if v, ok := t.Scores[name]; ok {
			values = append(values, v)
		}
	}
	return values
}

// what says what was measured.
func (s *Swept) what() string {
	if s.On == OnTest {
		return "accuracy on TEST images, %"
	}
	return "accuracy on held-out training images, %"
}

// Result shows the sweep: the accuracies and the scores as tables, and a plot for each axis.
func (s *Swept) Result() report.Result {
	r := report.Result{Title: "Sweep", Notes: []string{s.note()}}
	accuracy := report.Table{Title: fmt.Sprintf("Accuracy at %d pixels", s.Size), Unit: s.what(),
		Columns: []string{"accuracy, %"}}
	scored := report.Table{Title: "Scores without training, beside the held-out images", Columns: ScoreNames,
		Decimals: 3}
	// Where nothing was trained there are only the scores.
	points := make([]Point, len(s.Points))
	for i, p := range s.Points {
		points[i] = p.Point
		if values := p.accuracies(); values != nil {
			accuracy.Rows = append(accuracy.Rows, report.Row{Name: p.String(), Cells: []report.Cell{{Values: values}}})
		}
		row := report.Row{Name: p.String()}
		for _, name := range ScoreNames {
			row.Cells = append(row.Cells, report.Cell{Values: p.score(name)})
		}
		scored.Rows = append(scored.Rows, row)
	}
	if len(accuracy.Rows) > 0 {
		r.Tables = append(r.Tables, accuracy)
	}
	if row, ok := s.agreement(); ok {
		scored.Rows = append(scored.Rows, row)
	}
	r.Tables = append(r.Tables, scored)
	for _, a := range swept(points) {
		if len(accuracy.Rows) > 0 {
			r.Plots = append(r.Plots, s.plot(a.name+"-accuracy", a, points, s.what(), PointTrials.accuracies))
		}
		r.Plots = append(r.Plots, s.plot(a.name+"-"+ScoreKernelRidge, a, points, "kernel ridge accuracy",
			func(p PointTrials) []float64 { return p.score(ScoreKernelRidge) }))
	}
	if best, by := s.best(); by != "" {
		r.Notes = append(r.Notes, fmt.Sprintf("The best %s is that of %v.", by, best))
	}
	r.MadeBy(s.Command)
	return r
}

// best is the point whose sets have the largest mean of the accuracy, or of the kernel ridge accuracy where no network
// was trained, by name; of equal ones the first. By test images nothing is chosen.
func (s *Swept) best() (best Point, by string) {
	most := math.Inf(-1)
	if s.On == OnTest || len(s.Points) < 2 {
		return best, ""
	}
	for _, p := range s.Points {
		name, values := "accuracy", p.accuracies()
		if s.Judge.Net == "" {
			name, values = "kernel ridge accuracy", p.score(ScoreKernelRidge)
		}
		if len(values) == 0 {
			continue
		}
		if mean := stat.Mean(values, nil); mean > most {
			best, by, most = p.Point, name, mean
		}
	}
	return best, by
}

// shown are the points whose sets the page shows: the best, and that of the settings where it is another.
func (s *Swept) shown() []Point {
	points := []Point{s.Points[0].Point}
	if best, by := s.best(); by != "" && best != points[0] {
		points = append([]Point{best}, points...)
	}
	return points
}

// agreement is how well each score ranks the sets beside their accuracy, if there are enough of them: Spearman's ρ, 1
// or −1 where they rank alike.
func (s *Swept) agreement() (report.Row, bool) {
	row := report.Row{Name: "rank correlation of sets with accuracy"}
	enough := false
	for _, name := range ScoreNames {
		var accuracies, values []float64
		for _, p := range s.Points {
			for _, t := range p.Trials {
				if v, ok := t.Scores[name]; ok && t.Accuracy != nil {
					accuracies, values = append(accuracies, *t.Accuracy), append(values, v)
				}
			}
		}
		cell := report.Cell{}
		// NaN where all ranks are equal; of two sets ρ is ±1 whatever they are.
		if rho := stat.Correlation(ranks(accuracies), ranks(values), nil); len(values) > 2 && !math.IsNaN(rho) {
			cell.Values, enough = []float64{rho}, true
		}
		row.Cells = append(row.Cells, cell)
	}
	return row, enough
}

// ranks is the rank of each number from 0; equal ones have the mean of theirs.
func ranks(v []float64) []float64 {
	r := make([]float64, len(v))
	for i, x := range v {
		for _, y := range v {
			switch {
			case y < x:
				r[i]++
			case y == x:
				r[i] += 0.5
			}
		}
		// the ½ of x == x
		r[i] -= 0.5 // itself
	}
	return r
}

func (s *Swept) note() string {
	sets := 0
	if len(s.Points) > 0 {
		sets = len(s.Points[0].Trials)
	}
	own := "noise"
	if s.SeedEncodes {
		own = "noise and its own flips before encoding"
	}
	note := fmt.Sprintf("%d images per class; sets of each point, each with its own %s: %d. Modes come from the "+
		"training images but for a share of %v, which is held out.",
		s.Settings.Modes.IPC, own, sets, s.HeldOut)
	switch {
	case s.Judge.Net == "":
		return note + " No network was trained."
	case s.On == OnTest:
		note += " Accuracy is on TEST images: it reports, and nothing may be chosen by it."
	default:
		note += " Accuracy is on the images held out."
	}
	return note + fmt.Sprintf(" Network %v, after the last epoch.", s.Judge)
}

// plot shows one axis: of a grid a line for each combination of the others, else the points that differ from the
// first one on this axis alone.
func (s *Swept) plot(title string, a axis, points []Point, y string, values func(PointTrials) []float64) report.Plot {
	axes := swept(points)
	plot := report.Plot{Title: title, X: a.name, Y: y}
	for _, p := range s.Points {
		// An axis with a value that is no number, clusterers say, is one of names, at the places 0, 1, ….
		if _, err := strconv.ParseFloat(a.at(p.Point), 64); err != nil && !slices.Contains(plot.Names, a.at(p.Point)) {
			plot.Names = append(plot.Names, a.at(p.Point))
		}
	}
	var names []string
	lines := map[string][]PointTrials{}
	for _, p := range s.Points {
		name := p.but(a, axes)
		if !s.Grid && name != points[0].but(a, axes) {
			continue
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		lines[name] = append(lines[name], p)
	}
	for _, name := range names {
		line := report.Line{Name: name}
		if len(names) == 1 {
			line.Name = ""
		}
		for _, p := range sorted(lines[name], a, plot.Names) {
			cell := report.Cell{Values: values(p.PointTrials)}
			if len(cell.Values) == 0 {
				continue
			}
			mean, std := cell.MeanStd()
			line.X, line.Y, line.Err = append(line.X, p.x), append(line.Y, mean), append(line.Err, std)
		}
		plot.Lines = append(plot.Lines, line)
	}
	return plot
}

// placed is a point with its place on an axis.
type placed struct {
	PointTrials
	x float64
}

// sorted places points along an axis: by its numbers, or by the order of names.
func sorted(points []PointTrials, a axis, names []string) []placed {
	var list []placed
	for _, p := range points {
		x := float64(slices.Index(names, a.at(p.Point)))
		if len(names) == 0 {
			x, _ = strconv.ParseFloat(a.at(p.Point), 64) // a number, or there were names
		}
		list = append(list, placed{p, x})
	}
	slices.SortStableFunc(list, func(p, q placed) int { return cmp.Compare(p.x, q.x) })
	return list
}

// Write writes what was swept into the folder of the sweep: sweep.json, sweep.csv, an SVG for each plot, and the page
// sweep.html.
func (s *Sweep) Write(ctx context.Context, swept *Swept) error {
	r := swept.Result()
	// No times and no paths of the machine are in any of them: equal sweeps give equal bytes.
	files := map[string]func(io.Writer) error{
		"sweep.json": swept.JSON,
		"sweep.csv":  swept.CSV,
	}
	for _, p := range r.Plots {
		files["sweep-"+p.Title+".svg"] = p.SVG
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := atomicfile.Write(filepath.Join(s.Out, name), files[name]); err != nil {
			return err
		}
	}
	return s.writePage(ctx, swept, r, filepath.Join(s.Out, "sweep.html"))
}

// JSON writes the sweep as indented JSON.
func (s *Swept) JSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(s)
}

// CSV writes one line for each set: its point, seed, accuracy and scores; what is missing is empty.
func (s *Swept) CSV(w io.Writer) error {
	c := csv.NewWriter(w)
	header := []string{"lambda", "stop", "cluster", "steps", "cfg", "seed", "accuracy"}
	if err := c.Write(append(header, ScoreNames...)); err != nil {
		return err
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	for _, p := range s.Points {
		for _, t := range p.Trials {
			line := []string{number(p.Lambda), strconv.Itoa(p.Stop), string(p.Cluster), p.Steps, number(p.CFG),
				strconv.FormatUint(t.Seed, 10), ""}
			if t.Accuracy != nil {
				line[len(line)-1] = number(*t.Accuracy)
			}
			for _, name := range ScoreNames {
				cell := ""
				if v, ok := t.Scores[name]; ok {
					cell = number(v)
				}
				line = append(line, cell)
			}
			if err := c.Write(line); err != nil {
				return err
			}
		}
	}
	c.Flush()
	return c.Error()
}
