package bench

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
)

// Result is one measurement, one line of JSON: the fields of the other programs' lines, then ours.
type Result struct {
	Load    string  `json:"load"`
	Batch   int     `json:"batch"`
	Seconds float64 `json:"seconds"`    // of one run
	PerItem float64 `json:"per_item_s"` // seconds / batch
	Threads int     `json:"threads"`
	Torch   string  `json:"torch,omitempty"`       // version, in lines of peer_torch.py
	ONNX    string  `json:"onnxruntime,omitempty"` // version, in lines of peer_ort.mjs
	Backend string  `json:"backend,omitempty"`
	GFLOP   float64 `json:"gflop_per_item,omitempty"`
	Speed   float64 `json:"gflops,omitempty"`     // GFLOP per second
	Share   float64 `json:"peak_share,omitempty"` // of the speed of multiply-adds alone on as many threads
	PeakMiB float64 `json:"peak_mib,omitempty"`   // resident memory of the process at its most, where the system tells
}

// result is what a run of the load in so many seconds means.
func (l Load) result(seconds float64) Result {
	r := Result{Load: l.Name, Batch: l.Batch, Seconds: round(seconds, 6), PerItem: round(seconds/float64(l.Batch), 7)}
	if l.GFLOP > 0 {
		r.GFLOP = round(l.GFLOP, 3)
		r.Speed = round(l.GFLOP*float64(l.Batch)/seconds, 1)
	}
	return r
}

// Of sets the share of the machine's peak in GFLOP/s; 0 is a peak that is not known.
func (r *Result) Of(peak float64) {
	if peak > 0 {
		r.Share = round(r.Speed/peak, 3)
	}
}

func round(v float64, digits int) float64 {
	unit := math.Pow10(digits)
	return math.Round(v*unit) / unit
}

// Program names what made the measurement.
func (r Result) Program() string {
	switch {
	case r.Torch != "":
		return "PyTorch " + r.Torch
	case r.ONNX != "":
		return "ONNX Runtime " + r.ONNX
	}
	return "mgd3 " + r.Backend
}

// Read reads results, one JSON object a line. Lines of other objects are refused.
func Read(r io.Reader) ([]Result, error) {
	var results []Result
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var result Result
		if err := json.Unmarshal(lines.Bytes(), &result); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if result.Load == "" || !(result.PerItem > 0) {
			return nil, fmt.Errorf("line %d: want an object with load and per_item_s", n)
		}
		results = append(results, result)
	}
	return results, lines.Err()
}

// Compare writes, for each load of ours in order, the median time of an item beside that of the
// fastest other program, how many times as fast ours is, and the memory of both.
func Compare(w io.Writer, ours, others []Result) error {
	best := map[string]Result{}
	for _, r := range medians(others) {
		if b, ok := best[r.Load]; !ok || r.PerItem < b.PerItem {
			best[r.Load] = r
		}
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "load\tours, s\tMiB\tother, s\tMiB\ttimes as fast\tother's program\trounds")
	for _, r := range medians(ours) {
		fmt.Fprintf(table, "%s\t%.5g\t%.0f\t", r.Load, r.PerItem, r.PeakMiB)
		if b, ok := best[r.Load]; ok {
			fmt.Fprintf(table, "%.5g\t%.0f\t%.2f\t%s\t%d and %d\n", b.PerItem, b.PeakMiB, b.PerItem/r.PerItem,
				b.Program(), count(ours, r), count(others, b))
		} else {
			fmt.Fprintf(table, "\t\t\tnone\t%d\n", count(ours, r))
		}
	}
	return table.Flush()
}

// medians returns one result per load and program, in the order of their first appearance.
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
		slices.SortStableFunc(same, func(a, b Result) int { return cmp.Compare(a.PerItem, b.PerItem) })
		out = append(out, same[len(same)/2])
	}
	return out
}

// alike reports whether both measure one load with one program on as many threads.
func (r Result) alike(s Result) bool {
	return r.Load == s.Load && r.Program() == s.Program() && r.Threads == s.Threads
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
