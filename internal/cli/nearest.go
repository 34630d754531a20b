package cli

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Nearest is the one of the names that was likely meant, or "": the same but for case, hyphens and underscores; else
// the nearest one by letters changed, left out, added or swapped, at most one in three; else the longest whose words
// are all in it, as "data" in "data_dir".
func Nearest(typed string, names []string) string {
	plain := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "_", "-") }
	want := plain(typed)
	best, least := "", len(want)/3+1
	for _, name := range names {
		if d := edits(want, plain(name)); d < least {
			best, least = name, d
		}
	}
	if best != "" {
		return best
	}
	words := "-" + want + "-"
	for _, name := range names {
		if len(name) > max(1, len(best)) && strings.Contains(words, "-"+plain(name)+"-") {
			best = name
		}
	}
	return best
}

// edits is how many letters must be changed, left out, added or swapped with the next (optimal string alignment).
func edits(a, b string) int {
	var before []int
	// row[j] is the edits of the first i letters of a to the first j of b; before is the row of i − 1
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			change := row[j]
			if a[i] != b[j] {
				change++
			}
			next[j+1] = min(change, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}

// foreign are flags of the released programs of MGD3 and of its neighbours, by what they are here.
var foreign = map[string]string{
	"num-samples": "ipc", "num-classes": "classes", "nclass": "classes", "ckpt": "dit", "checkpoint": "dit",
	"save-dir": "out", "output-dir": "out", "output": "out", "results-dir": "out", "imagenet-dir": "data",
	"data-path": "data", "image-size": "size", "cfg-scale": "cfg", "num-sampling-steps": "steps",
	"guidance-scale": "lambda", "mode-guidance-scale": "lambda", "stop-t": "stop", "device": "backend",
	"batch-size": "batch", "arch": "net", "model-name": "net", "num-workers": "threads",
}

// meant is the flag of the command that was likely meant by an unknown one, or "".
func meant(cmd *cobra.Command, typed string) string {
	if name := foreign[strings.ReplaceAll(typed, "_", "-")]; name != "" && cmd.Flags().Lookup(name) != nil {
		return name
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	return Nearest(typed, names)
}
