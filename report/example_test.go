package report_test

import (
	"os"

	"mgd3/report"
)

// A table of accuracies, with means and deviations.
func Example() {
	t := report.Table{
		Title:   "Accuracy on the test images, %",
		Columns: []string{"convnet3", "resnetap10"},
		Rows: []report.Row{
			{"MGD³", []report.Cell{{[]float64{61.2, 62.0, 62.6}}, {[]float64{66.4}}}},
			{"random", []report.Cell{{[]float64{50.1, 48.7, 49.6}}, {}}},
		},
	}
	if err := t.Text(os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// Accuracy on the test images, %
	//           convnet3  resnetap10
	// MGD³    61.9 ± 0.6        66.4
	// random  49.5 ± 0.6           –
}
