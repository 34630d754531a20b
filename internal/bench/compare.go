package bench

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"mgd3/engine"
)

// Compare writes a table with a row for each load and precision of ours, in order: the median time of an item beside
// that of the fastest other program, how many times as fast ours is, and the memory of both. Rows below it have the
// slower programs, and those that failed.
func Compare(w io.Writer, ours, others []Result) error {
	rivals := medians(others)
	slices.SortStableFunc(rivals, func(a, b Result) int { return cmp.Compare(a.PerItem, b.PerItem) })
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "load\tours, s\tMiB\tother, s\tMiB\ttimes as fast\tother's program\trounds")
	for _, r := range medians(ours) {
		var measured, failed []Result
		for _, o := range rivals {
			switch {
			case o.Load != r.Load || o.Precision() != r.Precision():
			case o.Failed != "":
				failed = append(failed, o)
			default:
				measured = append(measured, o)
			}
		}
		fmt.Fprint(table, heading(r))
		rounds := fmt.Sprint(count(ours, r), " and ")
		for i, o := range measured {
			if i > 0 {
				fmt.Fprint(table, "\t\t\t")
				rounds = ""
			}
			times := ""
			if r.Failed == "" {
				times = fmt.Sprintf("%.2f", o.PerItem/r.PerItem)
			}
			fmt.Fprintf(table, "%.5g\t%.0f\t%s\t%s\t%s%d\n", o.PerItem, o.PeakMiB, times, o.Program(), rounds,
				count(others, o))
		}
		if len(measured) == 0 {
			fmt.Fprintf(table, "\t\t\tnone\t%d\n", count(ours, r))
		}
		for _, o := range failed {
			fmt.Fprintf(table, "\t\t\t\t\t\t%s: %s\t\n", o.Program(), o.Failed)
		}
	}
	return table.Flush()
}

// heading is the part of a row that is ours.
func heading(r Result) string {
	load := r.Load
	if p := r.Precision(); p != string(engine.Float32) {
		load += " in " + p
	}
	if r.Failed != "" {
		return fmt.Sprintf("%s\t%s\t\t", load, r.Failed)
	}
	return fmt.Sprintf("%s\t%.5g\t%.0f\t", load, r.PerItem, r.PeakMiB)
}

// medians returns one result per load, precision and program, in the order of their first appearance. What failed
// counts as slowest.
func medians(results []Result) []Result {
	var out []Result
	for _, r := range results {
		if slices.ContainsFunc(out, r.alike) {
			continue
		}
		var same []Result
		for _, s := range results {
			if r.alike(s) {
				same = append(same, s)
			}
		}
		slices.SortStableFunc(same, func(a, b Result) int {
			return cmp.Or(cmp.Compare(a.Failed, b.Failed), cmp.Compare(a.PerItem, b.PerItem))
		})
		out = append(out, same[len(same)/2])
	}
	return out
}

// alike reports whether both measure one load with one program in one precision on as many threads.
func (r Result) alike(s Result) bool {
	return r.Load == s.Load && r.Program() == s.Program() && r.Precision() == s.Precision() && r.Threads == s.Threads
}

func count(results []Result, r Result) int {
	n := 0
	for _, s := range results {
		if r.alike(s) {
			n++
		}
	}
	return n
}
