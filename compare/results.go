package compare

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"mgd3/evaluate"
	"mgd3/report"
	"mgd3/sets"
	"mgd3/stage"
	"mgd3/store"
)

// Results are what evaluate and score found out about sets, from the folders that they wrote to: those of the sets that
// are runs, the given ones, and the folders right inside them. A given one without results is an error.
func Results(made, given []string) (list []report.Result, err error) {
	for _, dir := range append(slices.DeleteFunc(slices.Clone(made), notRun), given...) {
		some, err := resultsIn(dir)
		if err != nil {
			return nil, err
		}
		if len(some) == 0 && slices.Contains(given, dir) {
			return nil, fmt.Errorf("%q has no %s, which \"mgd3 evaluate --out\" writes, and no %s of "+
				"\"mgd3 score\"", dir, scoresName, setScoresName)
		}
		list = append(list, some...)
	}
	return list, nil
}

func notRun(dir string) bool { return !sets.IsRun(dir) }

func resultsIn(dir string) (list []report.Result, err error) {
	entries, err := store.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	places := []string{dir}
	for _, entry := range entries {
		if entry.IsDir() {
			places = append(places, filepath.Join(dir, entry.Name()))
		}
	}
	for _, place := range places {
		v, err := ReadEvaluation(place)
		if err == nil {
			list = append(list, from(v.Result(), place, scoresName))
		}
		s, errS := readScores(place)
		if errS == nil {
			list = append(list, from(s.result(), place, setScoresName))
		}
		for _, err := range []error{err, errS} {
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
		}
	}
	return list, nil
}

// from says in a result which file it is from.
func from(r report.Result, dir, name string) report.Result {
	r.Notes = append(r.Notes, fmt.Sprintf("From %q.", filepath.Join(dir, name)))
	return r
}

// scoresName is the file of an evaluation's scores in its folder.
const scoresName = "scores.json"

// ReadEvaluation reads the scores of an evaluation back, as far as Result needs them. What the recipe beside them says,
// the test set and the command, is left out where there is none.
func ReadEvaluation(dir string) (*Evaluation, error) {
	path := filepath.Join(dir, scoresName)
	var s Scores
	if err := stage.ReadRecord(path, &s); err != nil {
		return nil, err
	}
	if fault := s.fault(); fault != "" {
		return nil, fmt.Errorf("%q: %w: %s", path, stage.ErrDamaged, fault)
	}
	first := s.Sets[0].Scores[0]
	v := &Evaluation{Nets: s.Nets, Sets: s.Sets, Warnings: s.Warnings, Repeat: len(first), Seed: first[0].Seed}
	recipe, err := ReadRecipe(filepath.Join(dir, recipeName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return v, nil
	case err != nil:
		return nil, err
	}
	for _, test := range recipe.Flags["test"] {
		v.Test = test
	}
	for _, flag := range []string{"teacher", "stored"} {
		for _, file := range recipe.Flags[flag] {
			if file != "train" {
				v.Teacher.File = file
			}
		}
	}
	v.Command = report.Command([]string{"mgd3", "evaluate"}, recipe.Flags)
	return v, nil
}

// fault says why scores cannot be shown, "" if they can: a list that is shorter than another that it belongs to.
func (s *Scores) fault() string {
	if len(s.Sets) == 0 || len(s.Nets) == 0 {
		return "no sets or no networks"
	}
	for _, set := range s.Sets {
		if set == nil {
			return "a set is missing"
		}
		if len(set.Scores) != len(s.Nets) {
			return fmt.Sprintf("set %q: no score of each network", set.Name)
		}
		for i, scores := range set.Scores {
			if len(scores) == 0 {
				return fmt.Sprintf("set %q, %s: no score", set.Name, s.Nets[i])
			}
			for _, score := range scores {
				if score == nil || !whole(score, len(s.Sets[0].Scores[0][0].Classes)) {
					return fmt.Sprintf("set %q, %s: a score without each of its classes", set.Name, s.Nets[i])
				}
			}
		}
	}
	return ""
}

// whole reports whether a score has an accuracy and a row of both matrices for each class.
func whole(s *evaluate.Score, classes int) bool {
	if len(s.Classes) != classes || len(s.PerClass) != classes || len(s.BestPerClass) != classes ||
		len(s.Confusion) != classes || len(s.BestConfused) != classes {
		return false
	}
	for class := range classes {
		if len(s.Confusion[class]) != classes || len(s.BestConfused[class]) != classes {
			return false
		}
	}
	return true
}
