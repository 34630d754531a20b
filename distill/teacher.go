package distill

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"mgd3/dataset"
	"mgd3/encode"
	"mgd3/matrix"
)

// Teacher is a trained classifier of the run's classes, such as evaluate.Classifier.
type Teacher interface {
	// Likely returns how likely each image is of each class [images, classes], in graphs of so many rows.
	Likely(ctx context.Context, images []*dataset.RGB, rows int) ([]float32, error)
	ID() string // equal IDs say the same of equal images
}

// AsksTeacher reports whether the rule asks a teacher.
func (c Choose) AsksTeacher() bool { return c == ChooseTeacher || c == ChooseHard }

// takeTeacher opens the teacher that the rule asks, and puts it into the settings. Another one than they name is an
// [ErrModel].
func (r *Run) takeTeacher(ctx context.Context, l encode.Record) error {
	s := &r.Settings.Sample
	if !s.Choose.AsksTeacher() {
		return nil
	}
	if r.OpenTeacher == nil {
		return fmt.Errorf("%w: the rule %q asks a teacher, want its file (--teacher)", ErrModel, s.Choose)
	}
	if r.teacher == nil {
		var err error
		if r.teacher, err = r.OpenTeacher(ctx, l.Classes, l.Settings.Size); err != nil {
			return err
		}
	}
	if id := r.teacher.ID(); s.Teacher != "" && s.Teacher != id {
		return fmt.Errorf("%w: the settings name the teacher %.20q, not %.20q", ErrModel, s.Teacher, id)
	}
	s.Teacher = r.teacher.ID()
	return nil
}

// asked returns what the teacher says for the candidates, p being how likely one is of its class:
//
//	teacher-correct   p, and 1 more where no class is likelier
//	teacher-hard      p, or 2 − p where no class is likelier
//
// What is below 1 is taken for another class; of those the likeliest is the best by both rules.
func (s *sampling) asked(ctx context.Context, images []image, latents []float32, rows int) ([]float64, error) {
	pixels, err := s.decode(ctx, latents, len(images), rows)
	if err != nil {
		return nil, err
	}
	size := s.record.Modes.Latents.Settings.Size
	seen := make([]*dataset.RGB, len(images))
	for i := range seen {
		seen[i] = dataset.FromTensor(pixels[i*3*size*size:(i+1)*3*size*size], size, size)
	}
	likely, err := s.run.teacher.Likely(ctx, seen, rows)
	if err != nil {
		return nil, fmt.Errorf("the teacher: %w", err)
	}
	classes := s.record.Modes.Latents.Classes
	scores := make([]float64, len(images))
	for i, im := range images {
		row := likely[i*len(classes) : (i+1)*len(classes)]
		own := slices.Index(classes, im.class)
		p := float64(row[own])
		switch {
		case p != p:
			return nil, errors.New("the teacher says what is not a number")
		case matrix.ArgMax(row) != own:
			scores[i] = p
		case s.record.Settings.Choose == ChooseHard:
			scores[i] = 2 - p
		default:
			scores[i] = 1 + p
		}
	}
	return scores, nil
}

// taken reports whether a candidate with that score is taken for another class.
func (c Choose) taken(score float64) bool { return c.AsksTeacher() && score < 1 }

// Taken counts the images of which the teacher took every candidate for another class, and all that it was asked of.
func (m *Manifest) Taken() (taken, all int) {
	if !m.Settings.Sample.Choose.AsksTeacher() {
		return 0, 0
	}
	for _, class := range m.Classes {
		all += len(class.Images)
		for _, im := range class.Images {
			if im.Taken {
				taken++
			}
		}
	}
	return taken, all
}
