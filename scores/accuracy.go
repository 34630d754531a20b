package scores

import (
	"fmt"

	"mgd3/matrix"
)

// TopK returns the share of rows of logits [N, classes] whose label is among the k largest; of equal logits the first
// counts as larger. labels are 0 … classes−1.
func TopK(logits matrix.Matrix, labels []int, k int) (float64, error) {
	if err := check(logits); err != nil {
		return 0, err
	}
	if len(labels) != logits.Rows {
		return 0, wantRows("labels", len(labels), logits.Rows)
	}
	hits := 0
	for i, label := range labels {
		if label < 0 || label >= logits.Cols {
			return 0, fmt.Errorf("sample %d has label %d, want 0 to %d", i, label, logits.Cols-1)
		}
		row, above := logits.Row(i), 0
		for j, v := range row {
			if v > row[label] || v == row[label] && j < label {
				above++
			}
		}
		if above < k {
			hits++
		}
	}
	return float64(hits) / float64(logits.Rows), nil
}

func wantRows(what string, have, want int) error {
	return fmt.Errorf("%d %s for %d samples, want one each", have, what, want)
}
