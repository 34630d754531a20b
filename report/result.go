package report

import "gonum.org/v1/gonum/stat"

// Result is what a command found out, ready to be shown: by [Text] on a terminal, by package page as a page, by
// [JSON] to other programs. Every part may be missing.
type Result struct {
	Title  string   `json:"title"`
	Notes  []string `json:"notes,omitempty"` // paragraphs below the title
	Tables []Table  `json:"tables,omitempty"`
	Plots  []Plot   `json:"plots,omitempty"`

	// Confusions are shown on pages alone.
	Confusions []Confusion `json:"confusions,omitempty"`

	Next []string `json:"next,omitempty"` // commands to try next
}

// Table is a table of measurements.
type Table struct {
	Title   string   `json:"title"`
	Columns []string `json:"columns"` // of the cells; the column of names has no title
	Rows    []Row    `json:"rows"`

	// Unit is what all values are, "accuracy, %" say. Only a table with a unit has a chart.
	Unit string `json:"unit,omitempty"`

	// Decimals are the digits shown after the point; 0 means 1, less than 0 none.
	Decimals int `json:"decimals,omitempty"`

	// Runs shows the value of each run beside mean and standard deviation.
	Runs bool `json:"runs,omitempty"`

	Command string `json:"command,omitempty"` // that makes the numbers; on pages alone
}

// Row is a row of a table, with at most as many cells as the table has columns.
type Row struct {
	Name  string `json:"name"`
	Cells []Cell `json:"cells"`
}

// Cell holds the values of repeated runs, finite and in the unit of the table; none where nothing was measured.
type Cell struct {
	Values []float64 `json:"values"`
}

// MeanStd returns the mean of the values and their population standard deviation, √(Σ(v−mean)²/n), which is
// what the published programs print. The cell must have a value.
func (c Cell) MeanStd() (mean, std float64) {
	return stat.PopMeanStdDev(c.Values, nil)
}

// Plot is a diagram of lines, with error bars where a line has errors.
type Plot struct {
	Title string `json:"title"`
	X     string `json:"x"` // titles of the axes
	Y     string `json:"y"`
	Lines []Line `json:"lines"`

	// Names stand below the points x = 0, 1, 2, … where these are names and no numbers; nothing joins such points.
	Names []string `json:"names,omitempty"`

	Command string `json:"command,omitempty"` // that makes the numbers
}

// Line is one line of a plot. Y and X have the same length; so has Err, the half height of the error bars, or it is
// nil.
type Line struct {
	Name string    `json:"name"`
	X    []float64 `json:"x"`
	Y    []float64 `json:"y"`
	Err  []float64 `json:"err,omitempty"`
}
