package compare

import (
	"fmt"
	"math"

	"mgd3/report"
	"mgd3/scores/paired"
)

// sample is the accuracies of one set or method in percent, by the seeds of the trainings.
type sample struct {
	name   string
	values []float64
}

// pairsNote says what the table of pairs is.
const pairsNote = "Paired tests: trainings of the same seed belong together. 95 % is the interval of the true " +
	"difference; p (t) is Student's, two-sided; p (exact) tries all signs and supposes nothing, so that few pairs " +
	"cannot make it small (3: 0.25, 6: 0.031). Nothing is corrected for the number of tests."

// pairTable tests the samples against the first of those that have as many values, at least two; false if none has.
func pairTable(title string, list []sample) (t report.Table, any bool) {
	t = report.Table{Title: title, Columns: []string{"difference", "95 % from", "to", "p (t)", "p (exact)"},
		Decimals: 3}
	if len(list) == 0 {
		return t, false
	}
	for _, other := range list[1:] {
		test, err := paired.Compare(list[0].values, other.values)
		if err != nil {
			continue // full is trained on once; the note on repetitions says so
		}
		row := report.Row{Name: fmt.Sprintf("%s − %s, %d pairs", list[0].name, other.name, test.Pairs)}
		for _, v := range []float64{test.Mean, test.Low, test.High, test.P, test.Exact} {
			cell := report.Cell{Values: []float64{v}}
			if math.IsNaN(v) {
				cell.Values = nil
			}
			row.Cells = append(row.Cells, cell)
		}
		t.Rows = append(t.Rows, row)
	}
	return t, len(t.Rows) > 0
}

// pairTables tests the sets against the first, for each network, by what the protocol publishes.
func (v *Evaluation) pairTables() (tables []report.Table) {
	for i, net := range v.Nets {
		var list []sample
		for _, set := range v.Sets {
			s := sample{name: set.Name}
			for _, score := range set.Scores[i] {
				s.values = append(s.values, 100*score.Value())
			}
			list = append(list, s)
		}
		title := fmt.Sprintf("%s: %s less each other set, points of accuracy; over trainings, the sets are given",
			net, v.Sets[0].Name)
		if t, ok := pairTable(title, list); ok {
			tables = append(tables, t)
		}
	}
	return tables
}

// pairTables tests the methods against the first, for each network and number of images, by what the protocol
// publishes.
func (c *Comparison) pairTables() (tables []report.Table) {
	for _, net := range c.Nets {
		for _, ipc := range c.IPCs {
			var list []sample
			for _, m := range c.Methods {
				if cell := c.Cell(net, ipc, m); cell != nil {
					list = append(list, sample{string(m), cell.Accuracies(cell.Protocol.Publish)})
				}
			}
			title := fmt.Sprintf("%s, IPC %d: %s less each other method, points of accuracy; over sets, one training "+
				"each", net, ipc, c.Methods[0])
			if t, ok := pairTable(title, list); ok {
				tables = append(tables, t)
			}
		}
	}
	return tables
}
