package golden

import (
	"strconv"
	"strings"
)

// sentences says where the tolerances of the old cases stand, which have sentences for some of
// them: the entry of case.json's "tolerance", and the words before the number, one after another.
var sentences = map[string][]string{
	"arrays_relative":       {"float64 arrays", "relative "},
	"pred_xstart":           {"per_step", "pred_xstart max abs "},
	"mean":                  {"per_step", "; mean max abs "},
	"next":                  {"per_step", "x[k+1] max abs ("},
	"pull":                  {"per_step", "x[k+1] max abs (", " + "},
	"log_variance":          {"per_step", "log_variance max abs "},
	"full_run":              {"full_run", "max abs "},
	"full_run_clipped":      {"full_run", "clip_denoised: "},
	"full_run_out_of_range": {"full_run", "relative to the max abs value, "},
	"centers":               {"centers", "use "},
	"inertia_relative":      {"inertia", "relative "},
	"quality_most":          {"kmeanspp_quality", "mean * "},
	"quality_least":         {"kmeanspp_quality", "best_of_30 * "},
	"jpeg_most_levels":      {"jpeg_decode", "max "},
	"jpeg_mean_levels":      {"jpeg_decode", "mean "},
}

// fromSentence returns the tolerance key of an old case.
func fromSentence(tolerance map[string]any, key string) (v float64, ok bool) {
	where := sentences[key]
	if where == nil {
		return 0, false
	}
	text, _ := tolerance[where[0]].(string)
	for _, words := range where[1:] {
		if _, text, ok = strings.Cut(text, words); !ok {
			return 0, false
		}
	}
	number := text[:len(text)-len(strings.TrimLeft(text, "0123456789.e-"))]
	v, err := strconv.ParseFloat(number, 64)
	return v, err == nil
}
