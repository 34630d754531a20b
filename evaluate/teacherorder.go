package evaluate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"mgd3/dataset"
	"mgd3/internal/words"
)

// ErrTeacher says that a teacher does not fit the classes of the images.
var ErrTeacher = errors.New("the teacher does not fit")

// outputOrder finds which output of a teacher belongs to each class of a set, and says by what:
//
//  1. the names that the user gives;
//  2. the names that the file has, if the set's classes are among them;
//  3. the byte order of the set's classes, as torchvision's ImageFolder counts them, if there are as many;
//  4. ImageNet's, of a teacher with 1,000 outputs for a set of some of its classes.
//
// The order of the set's classes, which --classes gives, decides nothing: a teacher has not seen it.
func outputOrder(outputs int, classes, given, own []string, from string) (columns []int, order string, err error) {
	if given != nil {
		if len(given) != outputs {
			return nil, "", fmt.Errorf("%w: its list of classes has %d names, but it has %d outputs", ErrTeacher,
				len(given), outputs)
		}
		columns, missing := placesOf(classes, given)
		if missing != "" {
			return nil, "", fmt.Errorf("%w: class %q is not in the list of its classes: %s", ErrTeacher, missing,
				words.Quoted(given))
		}
		return columns, "the list given", nil
	}
	note := ""
	if len(own) > 0 {
		columns, missing := placesOf(classes, own)
		switch {
		case len(own) != outputs:
			note = fmt.Sprintf("; %s has %d names, which are not those of its outputs", from, len(own))
		case missing == "":
			return columns, from, nil
		case slices.ContainsFunc(columns, func(c int) bool { return c >= 0 }):
			return nil, "", fmt.Errorf("%w: by %s its classes are %s; class %q is none of them", ErrTeacher, from,
				words.Quoted(own), missing)
		default:
			note = fmt.Sprintf("; %s has other names: %s", from, words.Quoted(own))
		}
	}
	if outputs == len(classes) {
		columns, _ := placesOf(classes, slices.Sorted(slices.Values(classes)))
		return columns, "the byte order of the names" + note, nil
	}
	imagenet, err := dataset.NamedClasses("imagenet1k")
	if err != nil {
		return nil, "", err
	}
	if columns, missing := placesOf(classes, imagenet); outputs == len(imagenet) && missing == "" {
		return columns, "the order of ImageNet's classes" + note, nil
	}
	return nil, "", fmt.Errorf("%w: it has %d outputs, the set has %d classes, %s%s", ErrTeacher, outputs, len(classes),
		words.Quoted(classes), note)
}

// placesOf returns the place of each class in a list of names, or -1, and the first that is not there, or there
// more than once. A name may have synonyms, "tench, Tinca tinca".
func placesOf(classes, names []string) (places []int, missing string) {
	at := map[string]int{}
	// the whole name counts more
	for _, key := range []func(name string) []string{synonyms, func(name string) []string { return []string{name} }} {
		once := map[string]int{}
		for i, name := range names {
			for _, k := range key(name) {
				if first, known := once[k]; known && first != i {
					once[k] = -1
				} else {
					once[k] = i
				}
			}
		}
		for k, i := range once {
			at[k] = i
		}
	}
	for _, class := range classes {
		i, ok := at[class]
		if !ok {
			i, ok = at[plainName(class)]
		}
		if !ok {
			i = -1
		}
		if i < 0 && missing == "" {
			missing = class
		}
		places = append(places, i)
	}
	return places, missing
}

// synonyms are the parts of a name between commas, and the whole, in lower case and with spaces.
func synonyms(name string) []string {
	list := []string{plainName(name)}
	for part := range strings.SplitSeq(name, ",") {
		if part = plainName(part); part != "" && part != list[0] {
			list = append(list, part)
		}
	}
	return list
}

func plainName(name string) string {
	return strings.ToLower(strings.TrimSpace(strings.ReplaceAll(name, "_", " ")))
}
