package weights

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/nlpodyssey/gopickle/types"
)

// ErrChoice marks a file with several sets of weights, none of which is the obvious one.
var ErrChoice = errors.New("the file holds several sets of weights")

// Section is one of the sets of weights in a file: a network and its running average, say. It is named by the keys that
// lead to it, with slashes between; FILE#NAME takes it.
type Section struct {
	Name    string `json:"name"` // "" is the file's own dict
	Tensors int    `json:"tensors"`
	Average bool   `json:"average"` // of weights, over the steps of a training
	Taken   bool   `json:"taken"`

	items  []types.DictEntry // those that are tensors, or may be
	listed []*strided        // an average without names
	depth  int
}

// trainingName matches keys under which there are tensors of the training, not of a network.
var trainingName = regexp.MustCompile(`(?i)(?:^|[^a-z])` +
	`(opt|optim|optimi[sz]ers?|sched|schedulers?|scaler|rng|random|amp)(?:[^a-z]|$)|optimi[sz]er`)

// containers are the keys under which programs put the weights of a network, the first of those that are there:
//
//	state_dict   Lightning, and many trainings of classifiers
//	model        DiT's training, timm's, torchvision's
//	the rest     PyTorch's tutorial, DeepSpeed (module), BasicSR (params) and others
var containers = []string{"state_dict", "model", "model_state_dict", "model_state", "module", "net", "network",
	"net_state_dict", "params",
	"params_state_dict", "weights", "generator", "g", "denoiser", "dit", "vae", "autoencoder", "student", "state"}

// extraState ends the names under which a module keeps what is no tensor of a network's.
const extraState = "_extra_state"

const (
	maxDepth    = 8       // keys that lead to a section
	maxVisited  = 1 << 20 // items looked at; a dict may lie under many keys
	maxSections = 64
)

// walk looks for the sections of a checkpoint.
type walk struct {
	sections []Section
	opaque   []Section // averages that are objects of a class: Name, and the class in items
	visited  int
	arrays   int // of NumPy
}

// sectionsOf returns the sections of a checkpoint, in its order: the dicts with tensors under names, and the lists of
// tensors under the name of an average. The state of optimizers and the like is none.
func sectionsOf(root any) (*walk, error) {
	items, ok := pairs(root)
	if !ok {
		return nil, errors.New("its pickle holds no dict, want one of tensors")
	}
	w := &walk{}
	w.dict(nil, items, false, false)
	if w.visited > maxVisited || len(w.sections) > maxSections {
		return nil, fmt.Errorf("its pickle holds more than %d sets of tensors, or one many times", maxSections)
	}
	return w, nil
}

// dict looks through a dict and what lies in it, and reports whether there were sections below it.
func (w *walk) dict(path []string, items []types.DictEntry, average, training bool) {
	if len(path) > maxDepth || len(w.sections) > maxSections {
		return
	}
	s := Section{Name: strings.Join(path, "/"), Average: average, depth: len(path)}
	here := len(w.sections)
	dotted := false
	for _, item := range items {
		if w.visited++; w.visited > maxVisited {
			return
		}
		key, named := item.Key.(string)
		if !named {
			continue
		}
		if isTensor(item.Value) {
			s.Tensors++
			s.items = append(s.items, item)
			dotted = dotted || strings.Contains(key, ".")
			continue
		}
		if isArray(item.Value) {
			if w.arrays++; !strings.HasSuffix(key, extraState) {
				s.items = append(s.items, item)
			}
			continue
		}
		w.inner(append(slices.Clone(path), key), item.Value, average, training)
	}
	below := len(w.sections) > here
	if s.Tensors == 0 || training && !average || below && !dotted { // loose tensors beside others: a loss, a state
		return
	}
	w.sections = slices.Insert(w.sections, here, s)
}

// inner looks at a value that is no tensor.
func (w *walk) inner(path []string, v any, average, training bool) {
	key := path[len(path)-1]
	if training {
		average = average || strings.Contains(strings.ToLower(key), "ema") && averageName.MatchString(key)
	} else {
		average = (average || averageName.MatchString(key)) && !rawName.MatchString(key)
		training = trainingName.MatchString(key)
	}
	if items, ok := pairs(v); ok {
		if o, isObject := v.(*instance); isObject && len(items) == 0 && modelAverage.MatchString(key) {
			w.opaque = append(w.opaque, Section{Name: strings.Join(path, "/"),
				items: []types.DictEntry{{Key: o.class}}})
			return
		}
		w.dict(path, items, average, training)
		return
	}
	list := listOf(v)
	if average {
		if tensors := allTensors(list); len(tensors) > 0 {
			w.sections = append(w.sections, Section{Name: strings.Join(path, "/"), Tensors: len(tensors), Average: true,
				listed: tensors, depth: len(path)})
		}
		return
	}
	for i, inside := range list { // the states of several optimizers
		if items, ok := pairs(inside); ok && training {
			w.dict(append(slices.Clone(path), fmt.Sprint(i)), items, false, true)
		}
	}
}

// listOf returns the elements of a list or a tuple.
func listOf(v any) []any {
	switch v := v.(type) {
	case *types.List:
		return *v
	case *types.Tuple:
		return *v
	}
	return nil
}

// allTensors returns the tensors of a list of nothing else.
func allTensors(list []any) (tensors []*strided) {
	for _, v := range list {
		t, ok := v.(*strided)
		if !ok {
			return nil
		}
		tensors = append(tensors, t)
	}
	return tensors
}

// choose returns the section to take: the one that is wanted by its name, or else the average, or else the first of
// containers, the file's own dict, or the only one there is.
func (w *walk) choose(want string) (*Section, error) {
	if want != "" {
		s, err := w.wanted(want)
		if s == nil || s.listed == nil {
			return s, err
		}
	}
	averages, raw, err := w.sorted()
	switch {
	case err != nil:
		return nil, err
	case want != "":
		return w.wanted(want)
	case len(averages) == 1:
		return averages[0], nil
	case len(averages) > 1:
		return nil, fmt.Errorf("%w: the averages %s; want one, as FILE#%s", ErrChoice, list(averages), averages[0].Name)
	case len(w.opaque) > 0 && len(raw) > 0:
		o := w.opaque[0]
		return nil, fmt.Errorf("%w: the average %q is an object of %.100q, of which nothing is read: save its "+
			"state_dict, or take what is not averaged by FILE#%s",
			ErrChoice, o.Name, o.items[0].Key, raw[0].Name)
	case len(raw) == 0:
		return nil, w.empty()
	}
	best := slices.MinFunc(raw, func(a, b *Section) int { return a.rank() - b.rank() })
	for _, s := range raw {
		if s != best && s.rank() == best.rank() {
			return nil, fmt.Errorf("%w: %s; want one, as FILE#%s", ErrChoice, list(raw), best.Name)
		}
	}
	return best, nil
}

// last is the key under which the section lies.
func (s *Section) last() string { return s.Name[strings.LastIndexByte(s.Name, '/')+1:] }

// rank orders sections that are no averages: containers, the file's own dict, others.
func (s *Section) rank() int {
	if s.Name == "" {
		return len(containers) << 4
	}
	i := slices.Index(containers, strings.ToLower(s.last()))
	if i < 0 {
		i = len(containers) + 1
	}
	return i<<4 + min(s.depth, maxDepth)
}

// wanted returns the section of that name, or whose name ends with it, after a slash.
func (w *walk) wanted(want string) (*Section, error) {
	var found []*Section
	for i := range w.sections {
		s := &w.sections[i]
		if s.Name == want {
			return s, nil
		}
		if strings.HasSuffix(s.Name, "/"+want) {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		return nil, nil // of the names of the tensors, perhaps
	}
	return found[0], nil
}

// empty is the error of a checkpoint without tensors.
func (w *walk) empty() error {
	if w.arrays > 0 {
		return fmt.Errorf("its pickle holds arrays of NumPy, want tensors of PyTorch: torch.save({name: " +
			"torch.from_numpy(array), ...})")
	}
	return fmt.Errorf("%w: want a dict of them by name, or one under a key such as %s", errNoTensors,
		some(containers[:3]))
}

var errNoTensors = errors.New("its pickle holds no tensors")

// list names sections for a message.
func list(sections []*Section) string {
	const most = 8
	var names []string
	for _, s := range sections[:min(len(sections), most)] {
		names = append(names, fmt.Sprintf("%q", s.Name))
	}
	if len(sections) > most {
		names = append(names, fmt.Sprintf("and %d more", len(sections)-most))
	}
	return strings.Join(names, ", ")
}

// before is the section that version 0.1 took, nil if there was none: files of which another is taken now are other
// weights, and have another hash.
func (w *walk) before() *Section {
	for _, key := range []string{"ema", "state_dict", "model", ""} {
		for i := range w.sections {
			if s := &w.sections[i]; s.Name == key && s.listed == nil {
				return s
			}
		}
	}
	return nil
}

// choice is an ErrChoice with the sections to choose from.
type choice struct {
	error
	sections []Section
}

func (c choice) Unwrap() error { return c.error }

// Choices returns the sets of weights that an ErrChoice of [Open] is about; none is taken.
func Choices(err error) []Section {
	var c choice
	errors.As(err, &c)
	return c.sections
}

// public returns the sections for the user.
func (w *walk) public() (sections []Section) {
	for _, s := range w.sections {
		sections = append(sections, Section{Name: s.Name, Tensors: s.Tensors, Average: s.Average, Taken: s.Taken})
	}
	return sections
}

// take chooses a section and writes into c what it is. Where want names none, it may name one of those that are told
// by the names of the tensors; that is looked at later.
func (w *walk) take(want string, c *content) (*Section, error) {
	s, err := w.choose(want)
	if err == nil && s == nil {
		if s, err = w.choose(""); err != nil {
			var all []*Section
			for i := range w.sections {
				all = append(all, &w.sections[i])
			}
			return nil, fmt.Errorf("%w, but none of the name %q; it has %s", ErrChoice, want, list(all))
		}
	} else if err == nil && want != "" {
		c.taken = want
	}
	if errors.Is(err, ErrChoice) {
		err = choice{err, w.public()}
	}
	if err != nil {
		return nil, err
	}
	before := w.before()
	c.other = before != nil && before.Name != s.Name
	s.Taken, c.taken = true, s.Name
	c.sections = w.public()
	c.notes = w.notes(s)
	return s, nil
}

// notes says which section is taken, where there are others, and what is beside it.
func (w *walk) notes(taken *Section) (notes []string) {
	var beside []*Section
	for i := range w.sections {
		if s := &w.sections[i]; s != taken {
			beside = append(beside, s)
		}
	}
	if len(beside) > 0 {
		kind := ""
		if taken.Average {
			kind = ", a running average,"
		}
		notes = append(notes, fmt.Sprintf("its part %q%s is taken; beside it: %s, which FILE#NAME would take",
			taken.Name, kind, list(beside)))
	}
	if !taken.Average {
		return notes
	}
	if from, n := w.fill(taken); n > 0 {
		notes = append(notes, fmt.Sprintf("%d tensors that the average %q lacks are those of %q", n, taken.Name,
			from.Name))
	}
	return notes
}
