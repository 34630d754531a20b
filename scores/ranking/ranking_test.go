package ranking_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"gonum.org/v1/gonum/stat"

	"mgd3/scores/ranking"
)

// TestPackage: the scores are those that ddranking 0.2.0 computes of the same accuracies, by testdata/make.py: means
// and population deviations over the runs. Both are sums of a few float64.
func TestPackage(t *testing.T) {
	data, err := os.ReadFile("testdata/ddranking.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Runs       [][6]float64
		Weight     float64
		Soft, Hard map[string]float64
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) != 8 {
		t.Fatalf("%d cases, want 8: %v", len(cases), err)
	}
	for _, c := range cases {
		values := map[string][]float64{}
		for _, r := range c.Runs {
			a := ranking.Accuracies{Full: r[0], Hard: r[1], Set: r[2], Random: r[3], SetPlain: r[4], RandomPlain: r[5]}
			s := a.Of(c.Weight, c.Weight)
			hard := a
			hard.Set = a.Hard
			h := hard.Of(c.Weight, c.Weight)
			for name, v := range map[string]float64{"soft hard_label_recovery": s.HLR,
				"soft improvement_over_random": s.IOR, "soft label_robust_score": s.LRS,
				"soft augmentation_robust_score": s.ARS, "hard hard_label_recovery": h.HLR,
				"hard improvement_over_random": h.IOR, "hard label_robust_score": h.LRS} {
				values[name] = append(values[name], v)
			}
		}
		for name, list := range values {
			mean, std := stat.PopMeanStdDev(list, nil)
			from := c.Soft
			if name[:4] == "hard" {
				from = c.Hard
			}
			for part, got := range map[string]float64{"_mean": mean, "_std": std} {
				want, ok := from[name[5:]+part]
				if !ok || math.Abs(got-want) > 1e-12 {
					t.Errorf("weight %v of %v: %s%s is %v, ddranking has %v", c.Weight, c.Runs, name, part, got, want)
				}
			}
		}
	}
}

func ExampleAccuracies_Of() {
	s := ranking.Accuracies{Full: 0.85, Hard: 0.63, Set: 0.63, Random: 0.50, SetPlain: 0.60, RandomPlain: 0.49}.
		Of(ranking.Weight, ranking.Weight)
	fmt.Printf("HLR %.2f, IOR %.2f, LRS %.3f, ARS %.3f\n", s.HLR, s.IOR, s.LRS, s.ARS)
	// Output: HLR 0.22, IOR 0.13, LRS 0.250, ARS 0.323
}
