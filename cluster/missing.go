package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"mgd3/distill"
	"mgd3/encode"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/store"
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

// missing returns the tasks of a stage whose files are not all there. A file is there when it is complete. Whether it
// is of these settings, the task finds out: what is, is kept.
func (l Layout) missing(s Stage, exists func(file string) (bool, error)) (list []int, err error) {
	for i := range s.Tasks {
		for _, file := range l.files(s, stage.Shard{Index: i, Count: s.Tasks}) {
			there, err := exists(file)
			if err != nil {
				return nil, err
			}
			if !there {
				list = append(list, i)
				break
			}
		}
	}
	return list, nil
}

// look returns what tells whether a file is there. In a bucket all files are listed, a thousand in a request, in the
// place of a request for each.
func (l Layout) look() (exists func(file string) (bool, error), err error) {
	listed := map[string]bool{}
	for _, dir := range []string{l.Out, l.Latents} {
		if !store.Is(dir) || dir != l.Out && strings.HasPrefix(dir, l.Out+string(filepath.Separator)) {
			continue
		}
		files, err := store.List(context.Background(), dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, file := range files {
			listed[filepath.Join(dir, filepath.FromSlash(file))] = true
		}
	}
	return func(file string) (bool, error) {
		if store.Is(file) {
			return listed[file], nil
		}
		return atomicfile.Exists(file)
	}, nil
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
