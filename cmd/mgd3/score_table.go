package main

import (
	"fmt"
	"math"

	"mgd3/report"
	"mgd3/scores"
)

// none is a score that there is not.
var none = scores.Number(math.NaN())

// scoreColumns are the columns of the tables; the second line of docs/scores.md's table explains each.
var scoreColumns = []string{"div MGD³", "rep MGD³", "div Man.", "rep Man.", "cover 5", "cover fair", "Fréchet", "MMD²", "to mode"}

func scoreCells(c scores.Class, distance scores.Number) []report.Cell {
	var cells []report.Cell
	for _, n := range []scores.Number{c.Diversity, c.Representativeness, c.ManifoldDiversity, c.ManifoldRepresentativeness,
		c.Coverage, c.FairCoverage, c.Frechet, c.MMD2, distance} {
		cells = append(cells, scoreCell(n))
	}
	return cells
}

func scoreCell(n scores.Number) report.Cell {
	if math.IsNaN(float64(n)) {
		return report.Cell{}
	}
	return report.Cell{Values: []float64{float64(n)}}
}

// table has a row for each class of a set, and their mean.
func (r scored) table() report.Table {
	t := report.Table{Title: fmt.Sprintf("%s, features: %s", r.Set, r.Features), Columns: scoreColumns, Decimals: 3}
	for _, c := range r.Classes {
		t.Rows = append(t.Rows, report.Row{Name: c.Name, Cells: scoreCells(c.Class, c.Distance)})
	}
	t.Rows = append(t.Rows, report.Row{Name: "mean", Cells: scoreCells(r.Mean, r.Distance.Own)})
	return t
}

// summaryTable sets the sets side by side.
func summaryTable(results []scored) report.Table {
	t := report.Table{Title: "mean of the classes, and all classes together", Decimals: 3}
	t.Columns = append(append(t.Columns, scoreColumns...), "all: Fréchet", "redundancy")
	for _, r := range results {
		cells := append(scoreCells(r.Mean, r.Distance.Own), scoreCell(r.All.Frechet), scoreCell(r.All.Redundancy))
		t.Rows = append(t.Rows, report.Row{Name: r.Set, Cells: cells})
	}
	return t
}
