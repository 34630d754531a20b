package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"mgd3/evaluate"
	"mgd3/internal/atomicfile"
	"mgd3/report"
)

// printScores shows the scores of all sets, and keeps them in the output folder.
func (e *env) printScores(o *evaluateOptions, sets []*judged) error {
	e.warnOfGuesses(o, sets)
	r := scoresResult(o, sets)
	if o.out != "" {
		for name, write := range map[string]func(io.Writer) error{
			"scores.json": func(w io.Writer) error { return writeScores(w, o, sets) },
			"report.html": func(w io.Writer) error { return report.HTML(w, r) },
		} {
			if err := atomicfile.Write(filepath.Join(o.out, name), write); err != nil {
				return fail(exitOutput, "", err)
			}
		}
	}
	switch {
	case e.json:
		return writeScores(e.stdout, o, sets)
	case e.quiet:
		return nil
	}
	return report.Text(e.stdout, report.Result{Title: r.Title, Notes: r.Notes, Tables: r.Tables, Next: r.Next})
}

// writeScores writes all scores as one line of JSON.
func writeScores(w io.Writer, o *evaluateOptions, sets []*judged) error {
	return json.NewEncoder(w).Encode(struct {
		Nets     []string  `json:"nets"`
		Sets     []*judged `json:"sets"`
		Warnings []string  `json:"warnings,omitempty"`
	}{o.nets, sets, o.warnings})
}

// manyClasses have no table of their own: scores.json has them.
const manyClasses = 100

// scoresResult is the scores as tables and curves.
func scoresResult(o *evaluateOptions, sets []*judged) report.Result {
	protocol := sets[0].Scores[0][0].Protocol
	r := report.Result{
		Title: fmt.Sprintf("Accuracy on %s, protocol %s at %s", o.test, protocol.Name, sizes(sets)),
		Notes: []string{
			scoresNote(o, protocol),
			"± is the population standard deviation over the trainings, as the published programs print it.",
		},
	}
	if t := sets[0].Scores[0][0].Teacher; t != nil {
		r.Notes = append(r.Notes, teacherNote(t, o.teacher.path))
	}
	for _, w := range o.warnings {
		r.Notes = append(r.Notes, "Warning: "+w)
	}
	last, best := report.Table{Title: "After the last epoch"}, report.Table{Title: "Best on the test data (selects on test data)"}
	for table, value := range map[*report.Table]func(*evaluate.Score) float64{
		&last: func(s *evaluate.Score) float64 { return s.Last },
		&best: func(s *evaluate.Score) float64 { return s.Best },
	} {
		table.Columns, table.Unit, table.Runs = o.nets, "accuracy, %", o.repeat > 1
		for _, set := range sets {
			row := report.Row{Name: set.Name}
			for _, scores := range set.Scores {
				row.Cells = append(row.Cells, percent(scores, value))
			}
			table.Rows = append(table.Rows, row)
		}
	}
	r.Tables = []report.Table{best, last}
	if protocol.Publish == evaluate.Last {
		r.Tables = []report.Table{last, best}
	}
	r.Tables[0].Title += ", which is what this protocol publishes"
	if len(sets[0].set.Classes) <= manyClasses {
		r.Tables = append(r.Tables, classTable(o, sets))
	}
	r.Tables = append(r.Tables, timeTable(o, sets))
	for i, net := range o.nets {
		r.Plots = append(r.Plots, curvePlot(net, i, sets))
	}
	r.Notes = append(r.Notes, mostConfused(o, sets)...)
	return r
}

// sizes are the sizes that the networks look at: one, unless a protocol has another for some of them.
func sizes(sets []*judged) string {
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
func scoresNote(o *evaluateOptions, p evaluate.Protocol) string {
	note := fmt.Sprintf("%s labels, %s from %g, batches of %d", p.Labels, p.Optimiser.Kind, p.Optimiser.Rate, p.Batch)
	return fmt.Sprintf("Trained from scratch %s: %s; every field is in scores.json.", times(o.repeat), note)
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// classTable has the accuracy of each class, of what the protocol publishes.
func classTable(o *evaluateOptions, sets []*judged) report.Table {
	t := report.Table{Title: "Accuracy of each class", Unit: "%"}
	for _, set := range sets {
		for i, scores := range set.Scores {
			t.Columns = append(t.Columns, strings.TrimSpace(set.Name+" "+o.nets[i]))
			for class, name := range scores[0].Classes {
				if class == len(t.Rows) {
					t.Rows = append(t.Rows, report.Row{Name: name})
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

// timeTable has the time of each training.
func timeTable(o *evaluateOptions, sets []*judged) report.Table {
	t := report.Table{Title: "Seconds of a training, tests included", Columns: o.nets}
	for _, set := range sets {
		row := report.Row{Name: set.Name}
		for _, scores := range set.Scores {
			var c report.Cell
			for _, s := range scores {
				c.Values = append(c.Values, s.Seconds)
			}
			row.Cells = append(row.Cells, c)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// curvePlot has the test accuracy of the first training on each set.
func curvePlot(net string, i int, sets []*judged) report.Plot {
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

// mostConfused says of each set which classes are taken for which most often, over all trainings.
func mostConfused(o *evaluateOptions, sets []*judged) []string {
	const few = 3
	var notes []string
	for _, set := range sets {
		for i, scores := range set.Scores {
			type pair struct {
				text  string
				share float64
			}
			var pairs []pair
			for a, name := range scores[0].Classes {
				for b, other := range scores[0].Classes {
					hits, all := 0, 0
					for _, s := range scores {
						confusion, _ := s.Confused()
						hits += confusion[a][b]
						for _, n := range confusion[a] {
							all += n
						}
					}
					if share := float64(hits) / float64(all); a != b && hits > 0 {
						pairs = append(pairs, pair{fmt.Sprintf("%s for %s (%.0f %%)", name, other, 100*share), share})
					}
				}
			}
			slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(b.share, a.share) })
			var list []string
			for _, p := range pairs[:min(few, len(pairs))] {
				list = append(list, p.text)
			}
			if list != nil {
				notes = append(notes, fmt.Sprintf("%s, %s takes most often %s.", set.Name, o.nets[i], strings.Join(list, ", ")))
			}
		}
	}
	return notes
}
