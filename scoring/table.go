package scoring

import (
	"fmt"
	"math"

	"mgd3/report"
	"mgd3/scores"
)

// columns are the columns of the tables; the second line of docs/scores.md's table explains each.
var columns = []string{"div MGD³", "rep MGD³", "div Man.", "rep Man.", "cover 5", "cover fair", "Fréchet", "MMD²",
	"to mode"}

func cellsOf(c scores.Class, distance scores.Number) []report.Cell {
	var cells []report.Cell
	for _, n := range []scores.Number{c.Diversity, c.Representativeness, c.ManifoldDiversity,
		c.ManifoldRepresentativeness,
		c.Coverage, c.FairCoverage, c.Frechet, c.MMD2, distance} {
		cells = append(cells, cellOf(n))
	}
	return cells
}

func cellOf(n scores.Number) report.Cell {
	if math.IsNaN(float64(n)) {
		return report.Cell{}
	}
	return report.Cell{Values: []float64{float64(n)}}
}

// Tables are the tables of the sets, and one that compares them.
func Tables(results []Result) report.Result {
	var r report.Result
	for i := range results {
		r.Tables = append(r.Tables, results[i].Table())
	}
	r.Tables = append(r.Tables, Summary(results))
	return r
}

// Table has a row for each class of the set, and their mean.
func (r *Result) Table() report.Table {
	t := report.Table{Title: fmt.Sprintf("%s, features: %s", r.Set, r.Features), Columns: columns, Decimals: 3}
	for _, c := range r.Classes {
		t.Rows = append(t.Rows, report.Row{Name: c.Name, Cells: cellsOf(c.Class, c.Distance)})
	}
	t.Rows = append(t.Rows, report.Row{Name: "mean", Cells: cellsOf(r.Mean, r.Distance.Own)})
	return t
}

// Summary sets the sets side by side.
func Summary(results []Result) report.Table {
	t := report.Table{Title: "mean of the classes, and all classes together", Decimals: 3}
	t.Columns = append(append(t.Columns, columns...), "all: Fréchet", "redundancy")
	for _, r := range results {
		cells := append(cellsOf(r.Mean, r.Distance.Own), cellOf(r.All.Frechet), cellOf(r.All.Redundancy))
		t.Rows = append(t.Rows, report.Row{Name: r.Set, Cells: cells})
	}
	return t
}
