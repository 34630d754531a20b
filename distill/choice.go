package distill

import (
	"fmt"
	"strings"
)

// Choice says that a setting was not given but chosen, and among which values.
type Choice struct {
	Setting    string      `json:"setting"` // stop or lambda
	Value      float64     `json:"value"`
	By         string      `json:"by"` // what was compared; larger is better
	Candidates []Candidate `json:"candidates"`
}

// Candidate is a value that could have been chosen.
type Candidate struct {
	Value  float64   `json:"value"`
	Scores []float64 `json:"scores"` // one for each set made with the value
}

// String says what was chosen, and among which values.
func (c Choice) String() string {
	var values []string
	for _, candidate := range c.Candidates {
		values = append(values, fmt.Sprint(candidate.Value))
	}
	return fmt.Sprintf("%s %v, chosen automatically among %s by the %s", c.Setting, c.Value, strings.Join(values, ", "),
		c.By)
}
