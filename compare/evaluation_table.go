package compare

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"mgd3/evaluate"
	"mgd3/report"
	"mgd3/store"
)

// manyClasses have no table of their own: scores.json has them.
const manyClasses = 100

// Result is the scores as tables and curves.
func (v *Evaluation) Result() report.Result {
	sets := v.Sets
	protocol := sets[0].Scores[0][0].Protocol
	on := ""
	if v.Test != "" {
		on = " on " + store.Shown(v.Test)
	}
	r := report.Result{
		Title: fmt.Sprintf("Accuracy%s, protocol %s at %s", on, protocol.Name, sizes(sets)),
		Notes: []string{
			scoresNote(v.Repeat, protocol),
			v.deviation(),
		},
	}
	if t := sets[0].Scores[0][0].Teacher; t != nil {
		r.Notes = append(r.Notes, teacherNote(t, v.Teacher.File))
	}
	for _, w := range v.Warnings {
		r.Notes = append(r.Notes, "Warning: "+w)
	}
	last, best := report.Table{Title: "After the last epoch"},
		report.Table{Title: "Best on the test data (selects on test data)"}
	v.accuracies(&last, func(s *evaluate.Score) float64 { return s.Last })
	v.accuracies(&best, func(s *evaluate.Score) float64 { return s.Best })
	r.Tables = []report.Table{best, last}
	if protocol.Publish == evaluate.Last {
		r.Tables = []report.Table{last, best}
	}
	r.Tables[0].Title += ", which is what this protocol publishes"
	if len(sets[0].Scores[0][0].Classes) <= manyClasses {
		r.Tables = append(r.Tables, classTable(v.Nets, sets))
	}
	if pairs := v.pairTables(); pairs != nil {
		r.Tables, r.Notes = append(r.Tables, pairs...), append(r.Notes, pairsNote)
	}
	r.Tables = append(r.Tables, costTables(v.Nets, sets)...)
	for i, net := range v.Nets {
		r.Plots = append(r.Plots, curvePlot(net, i, sets))
	}
	r.Confusions = confusions(v.Nets, sets)
	r.Notes = append(r.Notes, mostConfused(r.Confusions)...)
	r.MadeBy(v.Command)
	return r
}

// deviation says what ± is over.
func (v *Evaluation) deviation() string {
	if v.Repeat == 1 {
		return "One training of each network on each set: there is no ±, and two trainings of one set may differ by " +
			"2 points."
	}
	return fmt.Sprintf("± is the population standard deviation over the %d trainings of one set, seeds %d to %d, as "+
		"the published programs print it; sets of one method differ beside that.", v.Repeat, v.Seed,
		v.Seed+uint64(v.Repeat)-1)
}

// accuracies fills a table: a row for each set, a column for each network.
func (v *Evaluation) accuracies(table *report.Table, value func(*evaluate.Score) float64) {
	table.Columns, table.Unit, table.Runs = v.Nets, "accuracy, %", v.Repeat > 1
	for _, set := range v.Sets {
		row := report.Row{Name: set.Name}
		for _, scores := range set.Scores {
			row.Cells = append(row.Cells, percent(scores, value))
		}
		table.Rows = append(table.Rows, row)
	}
}

// sizes are the sizes that the networks look at: one, unless a protocol has another for some of them.
func sizes(sets []*Judged) string {
	var list []string
	for _, set := range sets {
		for _, scores := range set.Scores {
			if size := strconv.Itoa(scores[0].Protocol.Size); !slices.Contains(list, size) {
				list = append(list, size)
			}
		}
	}
	return strings.Join(list, " and ") + " pixels"
}

func percent(scores []*evaluate.Score, value func(*evaluate.Score) float64) (c report.Cell) {
	for _, s := range scores {
		c.Values = append(c.Values, 100*value(s))
	}
	return c
}

// scoresNote is the protocol in a sentence.
func scoresNote(repeat int, p evaluate.Protocol) string {
	note := fmt.Sprintf("%s labels, %s from %g, batches of %d", p.Labels, p.Optimiser.Kind, p.Optimiser.Rate, p.Batch)
	return fmt.Sprintf("Trained from scratch %s: %s; every field is in scores.json.", times(repeat), note)
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// classTable has the accuracy of each class, of what the protocol publishes.
func classTable(nets []string, sets []*Judged) report.Table {
	t := report.Table{Title: "Accuracy of each class", Unit: "%"}
	for _, set := range sets {
		for i, scores := range set.Scores {
			t.Columns = append(t.Columns, strings.TrimSpace(set.Name+" "+nets[i]))
			for class, name := range scores[0].Classes {
				if class == len(t.Rows) {
					t.Rows = append(t.Rows, report.Row{Name: name})
				}
				if !scores[0].Tested(class) {
					t.Rows[class].Cells = append(t.Rows[class].Cells, report.Cell{})
					continue
				}
				t.Rows[class].Cells = append(t.Rows[class].Cells, percent(scores, func(s *evaluate.Score) float64 {
					_, perClass := s.Confused()
					return perClass[class]
				}))
			}
		}
	}
	return t
}

// costTables have the time, the peak of memory and the energy of each training, those that the machine tells.
func costTables(nets []string, sets []*Judged) (tables []report.Table) {
	for _, of := range []struct {
		title    string
		decimals int
		value    func(s *evaluate.Score) float64
	}{
		{"Seconds of a training, tests included", 1, func(s *evaluate.Score) float64 { return s.Seconds }},
		{"Peak memory of the process up to the end of a training, GiB", 2,
			func(s *evaluate.Score) float64 { return s.PeakMiB / 1024 }},
		{"Energy of the processors during a training, Wh", 2,
			func(s *evaluate.Score) float64 { return s.Joules / 3600 }},
	} {
		t, told := report.Table{Title: of.title, Decimals: of.decimals, Columns: nets}, false
		for _, set := range sets {
			row := report.Row{Name: set.Name}
			for _, scores := range set.Scores {
				var c report.Cell
				for _, s := range scores {
					if v := of.value(s); v > 0 {
						c.Values, told = append(c.Values, v), true
					}
				}
				row.Cells = append(row.Cells, c)
			}
			t.Rows = append(t.Rows, row)
		}
		if told {
			tables = append(tables, t)
		}
	}
	return tables
}

// curvePlot has the test accuracy of the first training on each set.
func curvePlot(net string, i int, sets []*Judged) report.Plot {
	p := report.Plot{Title: net + ", first training", X: "epoch", Y: "accuracy on the test data, %"}
	for _, set := range sets {
		line := report.Line{Name: set.Name}
		for _, point := range set.Scores[i][0].Curve {
			if point.Test != nil {
				line.X, line.Y = append(line.X, float64(point.Epoch)), append(line.Y, 100**point.Test)
			}
		}
		p.Lines = append(p.Lines, line)
	}
	return p
}

// confusions are the matrices of each network on each set, over all trainings, of what the protocol publishes.
func confusions(nets []string, sets []*Judged) (list []report.Confusion) {
	for _, set := range sets {
		for i, scores := range set.Scores {
			var matrices [][][]int
			for _, s := range scores {
				confusion, _ := s.Confused()
				matrices = append(matrices, confusion)
			}
			list = append(list, report.NewConfusion(set.Name+", "+nets[i], scores[0].Classes, matrices...))
		}
	}
	return list
}

// mostConfused says which classes are taken for which most often.
func mostConfused(confusions []report.Confusion) []string {
	const few = 3
	var notes []string
	for _, c := range confusions {
		var list []string
		pairs := c.Pairs()
		for _, p := range pairs[:min(few, len(pairs))] {
			list = append(list, fmt.Sprintf("%s for %s (%.0f %%)", p.Class, p.As, 100*p.Share))
		}
		if list != nil {
			notes = append(notes, fmt.Sprintf("%s takes most often %s.", c.Title, strings.Join(list, ", ")))
		}
	}
	return notes
}

// teacherNote is what is known of the teacher of soft labels, in a sentence.
func teacherNote(t *evaluate.TeacherFacts, file string) string {
	from := "trained here"
	if file != "" {
		from = fmt.Sprintf("from %q", filepath.Base(file))
	}
	note := fmt.Sprintf("Soft labels of a %s %s", t.Net, from)
	if t.Stem != "" {
		note += fmt.Sprintf(" (first layer %s)", t.Stem)
	}
	note += fmt.Sprintf(": %d outputs in the order of %s", t.Outputs, t.Order)
	if c := t.Tested; c != nil {
		note += fmt.Sprintf("; its accuracy on the test images is %.1f %%, guessing would have %.1f %%", 100*c.Accuracy,
			100*c.Chance)
	}
	return note + "."
}
