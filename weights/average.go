package weights

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/nlpodyssey/gopickle/types"
)

// averageName matches a word for a running average in a key: ema, model_ema, emaModel, EMACallback, swa_model,
// shadow_params …
var averageName = regexp.MustCompile(`(?:^|[^a-zA-Z])(?:ema|averaged?|avg|swa|shadow|polyak)(?:[^a-z]|$)` +
	`|(?:EMA|Ema|SWA|Averaged|Shadow|Polyak)(?:[^a-z]|$)|EMA[A-Z]|^EMA|AveragedModel`)

// modelAverage matches the keys under which a training keeps its averaged model, and nothing else.
var modelAverage = regexp.MustCompile(`(?i)^(ema|swa)$` +
	`|^(ema|swa|averaged?|avg|shadow)_?(model|net|network|params|weights|state_dict)$` +
	`|^(model|net|network|params|weights|state_dict|model_state_dict|g|generator)_?(ema|swa|avg)$`)

// rawName matches what lies beside an average, within the same object.
var rawName = regexp.MustCompile(`(?i)^online`)

// sorted returns the averages and the others. An average without names gets those of the weights it is of.
func (w *walk) sorted() (averages, raw []*Section, err error) {
	w.dropStatistics()
	for i := range w.sections {
		if s := &w.sections[i]; !s.Average {
			raw = append(raw, s)
		}
	}
	for i := range w.sections {
		s := &w.sections[i]
		switch {
		case !s.Average:
		case s.listed != nil:
			named := s.names(raw)
			if lower := strings.ToLower(s.Name); named == nil &&
				(strings.Contains(lower, "ema") || strings.Contains(lower, "shadow")) {
				return nil, nil, fmt.Errorf("%w: the average %q is a list of %d tensors without names, which are not "+
					"those of %s; FILE#NAME takes one that is not averaged",
					ErrChoice, s.Name, len(s.listed), list(raw))
			}
			if named != nil {
				*s = *named
				averages = append(averages, s)
			}
		default:
			averages = append(averages, s)
		}
	}
	return averages, raw, nil
}

// dropStatistics removes averages that are not of any weights beside them, by their names.
func (w *walk) dropStatistics() {
	raw := slices.DeleteFunc(slices.Clone(w.sections), func(s Section) bool { return s.Average })
	if len(raw) == 0 {
		return
	}
	w.sections = slices.DeleteFunc(w.sections, func(s Section) bool {
		of := func(raw Section) bool { return s.resembles(&raw) }
		return s.Average && s.listed == nil && !modelAverage.MatchString(s.last()) && !slices.ContainsFunc(raw, of)
	})
}

// names returns a listed average under the names of the only section that fits, nil if there is none.
func (s *Section) names(raw []*Section) (named *Section) {
	for _, r := range raw {
		if n := s.named(r); n != nil {
			if named != nil && named.items[0].Key != n.items[0].Key {
				return nil
			}
			named = n
		}
	}
	return named
}

// resembles reports whether most of the tensors of s have a counterpart of the same name, but for its beginning, in
// raw.
func (s *Section) resembles(raw *Section) bool {
	there := map[string]bool{}
	for _, item := range raw.items {
		for _, end := range endings(item.Key.(string)) {
			there[end] = true
		}
	}
	found := 0
	for _, item := range s.items {
		if slices.ContainsFunc(endings(item.Key.(string)), func(end string) bool { return there[end] }) {
			found++
		}
	}
	return 2*found >= len(s.items)
}

// endings returns a name, and what is left of it without the first one, two and three of its parts.
func endings(name string) []string {
	list := []string{name}
	for range 3 {
		_, rest, ok := strings.Cut(name, ".")
		if !ok {
			break
		}
		name = rest
		list = append(list, name)
	}
	return list
}

// fill adds to an average of a network's parameters what it lacks, from the section that has all of its tensors and
// more, and returns that section and how many there were.
func (w *walk) fill(average *Section) (from *Section, added int) {
	have := map[string]bool{}
	for _, item := range average.items {
		have[unwrapped(item.Key.(string))] = true
	}
	for i := range w.sections {
		raw := &w.sections[i]
		var missing []types.DictEntry
		for _, item := range raw.items {
			if !have[unwrapped(item.Key.(string))] {
				missing = append(missing, item)
			}
		}
		if !raw.Average && len(missing) > 0 && len(raw.items)-len(missing) == len(have) {
			average.items = append(average.items, missing...)
			return raw, len(missing)
		}
	}
	return nil, 0
}

// buffer matches what is no parameter of a network, in the order from few to many: an average of parameters lacks it.
var buffers = []*regexp.Regexp{
	regexp.MustCompile(`^$`),
	regexp.MustCompile(`\.(num_batches_tracked|running_mean|running_var)$`),
	regexp.MustCompile(`\.(num_batches_tracked|running_mean|running_var)$|(^|\.)pos_embed$`),
}

// named returns the list of an average's tensors as a section with the names of raw, whose parameters stand in the same
// order: as many, and of the same shapes. It returns nil if they do not fit.
func (s *Section) named(raw *Section) *Section {
	for _, buffer := range buffers {
		named := *s
		for _, item := range raw.items {
			name := item.Key.(string)
			of, ok := item.Value.(*strided)
			if buffer.MatchString(name) {
				continue
			}
			n := len(named.items)
			if !ok || n == len(s.listed) || !slices.Equal(s.listed[n].shape, of.shape) {
				named.items = nil
				break
			}
			named.items = append(named.items, types.DictEntry{Key: name, Value: s.listed[n]})
		}
		if len(named.items) == len(s.listed) {
			return &named
		}
	}
	return nil
}
