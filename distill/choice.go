package distill

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
