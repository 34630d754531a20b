// Package prompt makes of the names of classes the prompts that a text-to-image model is given.
//
//	folder                        name                 names
//	n01440764                     tench                tench, Tinca tinca      ImageNet's number, by WordNet
//	n02099601-golden_retriever    golden retriever     golden retriever        as Stanford Dogs
//	001.Black_footed_Albatross    Black footed Albatross                       as CUB-200
//	golden_retriever              golden retriever     golden retriever
//
// The text-to-image program of MGD3 gives the model the line of names alone, without a sentence around it: [Published].
// We give it the name: [Default]. Both are templates, of which {name}, {names} and {class}, the folder itself, are
// replaced.
package prompt

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"mgd3/internal/words"
)

// The templates.
const (
	Default   = "{name}"
	Published = "{names}"
)

var (
	// ErrTemplate marks a template that cannot be used.
	ErrTemplate = errors.New("template of prompts")

	// ErrMissing says that a file of prompts lacks a class.
	ErrMissing = errors.New("the file of prompts lacks")

	// ErrFile marks a file that holds no prompts.
	ErrFile = errors.New("not a file of prompts")
)

// Source says where prompts come from: a template, or a file that has each class's own.
type Source struct {
	Template string            // "" is [Default]
	File     map[string]string // class to prompt, see [ParseFile]; nil for none
	Guided   bool              // the model is pulled to modes
}

// Prompts returns the prompt of each class, in their order, and what the user should know of them, a line each. A class
// that the file lacks is an [ErrMissing] that names it; a bad template is an [ErrTemplate].
func (s Source) Prompts(classes []string) (prompts, warnings []string, err error) {
	switch {
	case s.File == nil:
		prompts, warnings, err = fromTemplate(classes, s.Template)
	case s.Template != "":
		err = fmt.Errorf("%w: %q beside a file of prompts: want one of them", ErrTemplate, s.Template)
	default:
		prompts, warnings, err = fromFile(classes, s.File)
	}
	if err != nil {
		return nil, nil, err
	}
	return prompts, append(warnings, s.check(classes, prompts)...), nil
}

// placeholder matches what a template has replaced, or something that looks like it.
var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

func fromTemplate(classes []string, template string) (prompts, warnings []string, err error) {
	if template == "" {
		template = Default
	}
	found := placeholder.FindAllString(template, -1)
	for _, p := range found {
		if !slices.Contains([]string{"{name}", "{names}", "{class}"}, p) {
			return nil, nil, fmt.Errorf("%w: %q has %s, want {name}, {names} or {class}", ErrTemplate, template, p)
		}
	}
	if len(found) == 0 {
		return nil, nil, fmt.Errorf("%w: %q has no {name}, so that all classes would be the same", ErrTemplate,
			template)
	}
	var unknown []string
	for _, class := range classes {
		n := Of(class)
		if !n.Known {
			unknown = append(unknown, class)
		}
		prompts = append(prompts, strings.NewReplacer("{name}", n.Name, "{names}", n.Names, "{class}",
			class).Replace(template))
	}
	if len(unknown) > 0 {
		warnings = append(warnings, fmt.Sprintf("no name is known of %s: the prompt has the number itself, which no "+
			"model "+
			"knows; a file of prompts can name it", words.Quoted(unknown)))
	}
	return prompts, warnings, nil
}

func fromFile(classes []string, file map[string]string) (prompts, warnings []string, err error) {
	var missing []string
	for _, class := range classes {
		text, ok := file[class]
		if !ok {
			missing = append(missing, class)
		}
		prompts = append(prompts, text)
	}
	if len(missing) > 0 {
		return nil, nil, fmt.Errorf("%w %d of %d classes: %s", ErrMissing, len(missing), len(classes),
			words.Quoted(missing))
	}
	unused := slices.DeleteFunc(slices.Sorted(maps.Keys(file)),
		func(c string) bool { return slices.Contains(classes, c) })
	if len(unused) > 0 {
		warnings = append(warnings, fmt.Sprintf("the file of prompts has %d classes that are not made: %s", len(unused),
			words.Quoted(unused)))
	}
	return prompts, warnings, nil
}

// Long is the number of words from which on a prompt is a caption. The longest line of names in ImageNet has 20.
const Long = 21

// check returns what is odd of the prompts.
func (s Source) check(classes, prompts []string) (warnings []string) {
	first := map[string]string{}
	for i, p := range prompts {
		key := strings.ToLower(strings.Join(strings.Fields(p), " "))
		if other, twice := first[key]; twice {
			warnings = append(warnings, fmt.Sprintf("the classes %q and %q have one prompt, %q: the model cannot "+
				"tell them apart; "+
				"a file of prompts can", other, classes[i], p))
		} else {
			first[key] = classes[i]
		}
	}
	if !s.Guided {
		return warnings
	}
	n, longest := 0, -1
	for i, p := range prompts {
		if have := len(strings.Fields(p)); have >= Long {
			n++
			if longest < 0 || have > len(strings.Fields(prompts[longest])) {
				longest = i
			}
		}
	}
	if n > 0 {
		warnings = append(warnings, fmt.Sprintf("%d prompts have %d words or more, that of %q the most: long "+
			"captions do not go "+
			"together with the pull towards modes, for which no strength is known then that helps; name the class, "+
			"or sample "+
			"without the pull", n, Long, classes[longest]))
	}
	return warnings
}
