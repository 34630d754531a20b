package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// a cell is empty where nothing was measured.
const nothing = "–"

// Text writes the result as plain text: title, notes, tables, what to try next. Plots and pictures are for pages.
func Text(w io.Writer, r Result) error {
	var parts []string
	if r.Title != "" {
		parts = append(parts, r.Title+"\n")
	}
	for _, note := range r.Notes {
		parts = append(parts, note+"\n")
	}
	for _, t := range r.Tables {
		parts = append(parts, t.text())
	}
	if len(r.Next) > 0 {
		parts = append(parts, "Next:\n  "+strings.Join(r.Next, "\n  ")+"\n")
	}
	_, err := io.WriteString(w, strings.Join(parts, "\n"))
	return err
}

// Text writes the table as plain text, names to the left, numbers to the right of their columns.
func (t Table) Text(w io.Writer) error {
	_, err := io.WriteString(w, t.text())
	return err
}

func (t Table) text() string {
	var b strings.Builder
	if t.Title != "" {
		b.WriteString(t.Title + "\n")
	}
	rows := t.Strings()
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, s := range row {
			width[i] = max(width[i], utf8.RuneCountInString(s))
		}
	}
	for _, row := range rows {
		line := row[0] + space(width[0], row[0])
		for i, s := range row[1:] {
			line += "  " + space(width[i+1], s) + s
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// space fills s up to a width.
func space(width int, s string) string { return strings.Repeat(" ", width-utf8.RuneCountInString(s)) }

// Markdown writes the table in the dialect of GitHub.
func (t Table) Markdown(w io.Writer) error {
	var b strings.Builder
	if t.Title != "" {
		b.WriteString("**" + t.Title + "**\n\n")
	}
	escape := strings.NewReplacer("|", `\|`, "\n", " ")
	for i, row := range t.Strings() {
		for _, s := range row {
			b.WriteString("| " + escape.Replace(s) + " ")
		}
		b.WriteString("|\n")
		if i == 0 {
			b.WriteString("|---" + strings.Repeat("|---:", len(row)-1) + "|\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Strings is the table as text, the columns' titles first, all rows of the same length.
func (t Table) Strings() [][]string {
	rows := [][]string{slices.Concat([]string{""}, t.Columns)}
	for _, row := range t.Rows {
		line := []string{row.Name}
		for i := range t.Columns {
			line = append(line, t.cell(row.cell(i)))
		}
		rows = append(rows, line)
	}
	return rows
}

// CSV is the table for other programs: a line for each value, with its row, its column and the number of its run.
func (t Table) CSV() ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	lines := [][]string{{"row", "column", "run", "value"}}
	for _, row := range t.Rows {
		for i, column := range t.Columns {
			for k, v := range row.cell(i).Values {
				lines = append(lines, []string{row.Name, column, strconv.Itoa(k), strconv.FormatFloat(v, 'g', -1, 64)})
			}
		}
	}
	err := w.WriteAll(lines)
	return b.Bytes(), err
}

// cell is the i-th cell of the row, empty where the row is short.
func (r Row) cell(i int) Cell {
	if i < len(r.Cells) {
		return r.Cells[i]
	}
	return Cell{}
}

// cell is a cell as text: "61.9", "61.9 ± 0.4", or "61.9 ± 0.4 (61.5 62.3)".
func (t Table) cell(c Cell) string {
	if len(c.Values) == 0 {
		return nothing
	}
	mean, std := c.MeanStd()
	if len(c.Values) == 1 {
		return t.number(mean)
	}
	s := t.number(mean) + " ± " + t.number(std)
	if !t.Runs {
		return s
	}
	var runs []string
	for _, v := range c.Values {
		runs = append(runs, t.number(v))
	}
	return s + " (" + strings.Join(runs, " ") + ")"
}

func (t Table) number(v float64) string {
	decimals := t.Decimals
	if decimals == 0 {
		decimals = 1
	}
	return fmt.Sprintf("%.*f", max(0, decimals), v)
}
