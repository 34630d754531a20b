package dataset

import (
	"bufio"
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"

	"mgd3/internal/textfile"
)

// The order of a list is that of its labels and part of its meaning. That of imagenet100 is the
// order of IDC (Kim et al. 2022, arXiv:2205.14959), whose first ten classes are idc; sorted copies of
// the list are about, and their first ten are others. imagenet1k is sorted, which is the
// order of ImageNet's labels; ilsvrc has the same classes in the order of the numbers 1 to 1000 that the competition of
// 2012 gave them (ILSVRC2012_ID of its devkit), as Darknet's networks have it. woof has the order of Minimax (Gu et al.
// 2024, arXiv:2311.15529), imagenet-a … e are the subsets of GLaD (Cazenave et al. 2023, arXiv:2305.01649).
//
//go:embed classes.txt
var classesText string

type namedList struct {
	name    string
	classes []string
}

var namedLists = sync.OnceValue(func() (lists []namedList) {
	for line := range strings.Lines(classesText) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, word := range strings.Fields(line) {
			if name, found := strings.CutSuffix(word, ":"); found {
				lists = append(lists, namedList{name: name})
			} else {
				last := &lists[len(lists)-1]
				last.classes = append(last.classes, word)
			}
		}
	}
	return lists
})

// ListNames returns the names of the class lists that the program knows.
func ListNames() []string {
	var names []string
	for _, l := range namedLists() {
		names = append(names, l.name)
	}
	return names
}

// NamedClasses returns a class list by its name.
func NamedClasses(name string) ([]string, error) {
	for _, l := range namedLists() {
		if l.name == name {
			return slices.Clone(l.classes), nil
		}
	}
	return nil, fmt.Errorf("%w: none is called %q, want one of %s", ErrList, name, strings.Join(ListNames(), ", "))
}

// ParseClasses returns the class list that spec names, or else the one in the file at that path;
// see [ReadClasses]. An empty spec is no list, nil.
func ParseClasses(spec string) ([]string, error) {
	if spec == "" {
		return nil, nil
	}
	if classes, err := NamedClasses(spec); err == nil {
		return classes, nil
	}
	info, err := os.Stat(spec)
	if err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %q is no file, want one with a class a line", ErrList, spec)
	}
	var f *os.File
	if err == nil {
		f, err = os.Open(spec)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: none is called %q, want one of %s, or a file with one class a line: %w", ErrList,
			spec, strings.Join(ListNames(), ", "), err)
	}
	defer f.Close()
	classes, err := ReadClasses(f)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", spec, err)
	}
	return classes, nil
}

// ParseNames is [ParseClasses] for the names of labels, of which there is no set to ask what a line means: the whole
// line is the name, or its first word if that is a number of WordNet, as in "n01440764 tench".
func ParseNames(spec string) ([]string, error) {
	names, err := ParseClasses(spec)
	known := map[string]int{}
	for i, name := range names {
		if words := strings.Fields(name); wordNet.MatchString(words[0]) {
			names[i] = words[0]
		}
		if first, ok := known[names[i]]; ok {
			return nil, fmt.Errorf("%q: %w: names %d and %d are both %q", spec, ErrList, first, i, names[i])
		}
		known[names[i]] = i
	}
	return names, err
}

var wordNet = regexp.MustCompile(`^n[0-9]{8}$`)

// ReadClasses reads a class list: the lines that have a word, without the blanks at their ends. A list without
// classes, or with one twice, is an [ErrList]. [Open] takes the class of the whole line, or else of its first word.
func ReadClasses(r io.Reader) ([]string, error) {
	text, err := textfile.Read(r, maxNames)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrList, err)
	}
	var classes []string
	lineOf := map[string]int{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		name := strings.TrimSpace(lines.Text())
		if name == "" {
			continue
		}
		if first := lineOf[name]; first > 0 {
			return nil, fmt.Errorf("%w: line %d: class %q is on line %d already", ErrList, n, name, first)
		}
		lineOf[name] = n
		classes = append(classes, name)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: line %d is longer than %d bytes", ErrList, len(lineOf)+1, bufio.MaxScanTokenSize)
	}
	if len(classes) == 0 {
		return nil, fmt.Errorf("%w: no classes, want one a line", ErrList)
	}
	return classes, nil
}
