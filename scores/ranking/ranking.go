// Package ranking has the scores of DD-Ranking (NUS-HPC-AI-Lab), which ask what a distilled set is worth beside its
// labels and augmentation. All accuracies are shares, 0 to 1.
//
//	HLR   = acc(full, hard) − acc(set, hard)          hard label recovery: less is better
//	IOR   = acc(set, any) − acc(random, any)          improvement over random images, labels and training alike
//	LRS   = s(w·IOR − (1−w)·HLR)                      label-robust score
//	ARS   = s(γ·A + (1−γ)·B)                          augmentation-robust score; A is IOR with augmentation, B without
//	s(α)  = (e^α − e^−1) / (e − e^−1)                 0 of α = −1, 0.269 of 0, 1 of 1
//
// Definitions: the project's README; w = γ = 0.5 there. Its package ddranking 0.2.0 gives its formulas accuracies in
// percent, so that e^α is of some tens and its LRS and ARS are no shares; given shares, it computes what is here, which
// TestPackage pins.
package ranking

import "math"

// Weight is that of the first summand in LRS and ARS.
const Weight = 0.5

// Accuracies are of one network and one seed.
type Accuracies struct {
	Full   float64 `json:"full"`   // of all real images, hard labels
	Hard   float64 `json:"hard"`   // of the set, hard labels
	Set    float64 `json:"set"`    // of the set, with the labels of the protocol
	Random float64 `json:"random"` // of as many random real images, likewise
	// the same two without augmentation
	SetPlain    float64 `json:"set_plain"`
	RandomPlain float64 `json:"random_plain"`
}

// Scores are what accuracies come to.
type Scores struct {
	HLR float64 `json:"hlr"`
	IOR float64 `json:"ior"`
	LRS float64 `json:"lrs"`
	ARS float64 `json:"ars"`
}

// Of returns the scores, with the weights w of LRS and gamma of ARS, 0 to 1.
func (a Accuracies) Of(w, gamma float64) Scores {
	s := Scores{HLR: a.Full - a.Hard, IOR: a.Set - a.Random}
	s.LRS = share(w*s.IOR - (1-w)*s.HLR)
	s.ARS = share(gamma*s.IOR + (1-gamma)*(a.SetPlain-a.RandomPlain))
	return s
}

// share takes −1 … 1 to 0 … 1.
func share(alpha float64) float64 {
	return (math.Exp(alpha) - math.Exp(-1)) / (math.E - math.Exp(-1))
}
