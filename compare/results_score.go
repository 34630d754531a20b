package compare

import (
	"fmt"
	"io"
	"path/filepath"

	"mgd3/page"
	"mgd3/report"
	"mgd3/scoring"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
)

// setScoresName is the file of score in its folder.
const setScoresName = "set-scores.json"

// setScores is the content of the file.
type setScores struct {
	Flags map[string][]string `json:"flags"` // of mgd3 score
	Sets  []scoring.Result    `json:"sets"`
}

// WriteScores writes what score found out, asked for by flags, and a page of it, report.html; "" is nowhere.
func WriteScores(dir string, results []scoring.Result, flags map[string][]string) error {
	if dir == "" {
		return nil
	}
	s := setScores{flags, results}
	if err := atomicfile.WriteJSON(filepath.Join(dir, setScoresName), s); err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, "report.html"), func(w io.Writer) error {
		return page.HTML(w, s.result())
	})
}

func readScores(dir string) (*setScores, error) {
	path := filepath.Join(dir, setScoresName)
	var s setScores
	if err := stage.ReadRecord(path, &s); err != nil {
		return nil, err
	}
	if len(s.Sets) == 0 {
		return nil, fmt.Errorf("%q: %w, or no scores of \"mgd3 score\"", path, stage.ErrDamaged)
	}
	return &s, nil
}

// result is the scores as they are shown.
func (s *setScores) result() report.Result {
	r := scoring.Tables(s.Sets)
	r.Title = "Scores by features"
	r.Notes = []string{"Distances in the space of the features: none of them is accuracy. docs/scores.md has the " +
		"definitions."}
	r.MadeBy(report.Command([]string{"mgd3", "score"}, s.Flags))
	return r
}
