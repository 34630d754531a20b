package cluster

import (
	"fmt"
	"path/filepath"

	"mgd3/distill"
	"mgd3/encode"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
)

// Layout says which files a run's stages make.
type Layout struct {
	Out     string // output folder
	Latents string // folder of the latents
	Classes []string
	Images  int      // synthetic ones of each class
	Set     string   // the name of the set in its evaluation
	Nets    []string // that are trained on the set
	Repeat  int      // trainings of each
	Seed    uint64   // of the first training
}

// Missing returns the tasks of a stage whose files are not all there. A file is there when it is complete. Whether it
// is of these settings, the task finds out: what is, is kept.
func (l Layout) Missing(s Stage) ([]int, error) {
	var list []int
	for i := range s.Tasks {
		there, err := allThere(l.files(s, stage.Shard{Index: i, Count: s.Tasks}))
		if err != nil {
			return nil, err
		}
		if !there {
			list = append(list, i)
		}
	}
	return list, nil
}

func allThere(files []string) (bool, error) {
	for _, f := range files {
		if ok, err := atomicfile.Exists(f); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// files are those that a task makes.
func (l Layout) files(s Stage, shard stage.Shard) (files []string) {
	switch s.Name {
	case Merge:
		return []string{distill.ManifestFile(l.Out)}
	case Scores:
		return []string{filepath.Join(EvaluationDir(l.Out), "scores.json")}
	case Evaluate:
		for _, sp := range shard.Spans(len(l.Nets)*l.Repeat, 1) {
			seed := l.Seed + uint64(sp.Class%l.Repeat)
			files = append(files, filepath.Join(EvaluationDir(l.Out), l.Set, l.Nets[sp.Class/l.Repeat],
				fmt.Sprintf("seed-%d", seed), "result.json"))
		}
		return files
	}
	for _, sp := range shard.Spans(len(l.Classes), l.Images) {
		class := l.Classes[sp.Class]
		if s.Name == Encode || s.Name == Distill {
			files = append(files, encode.File(l.Latents, class))
		}
		if s.Name == Modes || s.Name == Distill {
			files = append(files, distill.ModesFile(l.Out, class))
		}
		if s.Name == Sample || s.Name == Distill {
			for j := sp.Lo; j < sp.Hi; j++ {
				files = append(files, distill.SampleFiles(l.Out, class, j)...)
			}
		}
	}
	return files
}

// EvaluationDir is the folder of the trainings on a run's set.
func EvaluationDir(out string) string { return filepath.Join(out, "evaluation") }
