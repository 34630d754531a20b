package dataset

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"mgd3/internal/textfile"
	"mgd3/store"
)

// labelNames turns the labels of a set into the names of classes.
type labelNames struct {
	names []string // of the labels 0, 1, …; nil if the set does not say
	from  string   // where they are from, for messages
	first int64    // the label of the first name, 0 or 1
}

// fromOne are the names of labels that count from 1 to last: the first name is that of 1, unless there is
// one more for 0.
func (n labelNames) fromOne(last int64) labelNames {
	if int64(len(n.names)) <= last {
		n.first = 1
	}
	return n
}

// namesOf returns the names that were asked for, or else those in the first of the files that is in dir:
// one a line. Without one there are no names.
func namesOf(o OpenOptions, dir string, files ...string) (labelNames, error) {
	if o.Names != nil {
		return newLabelNames(o.Names, "the list of class names")
	}
	for _, file := range files {
		path := filepath.Join(dir, file)
		info, err := store.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return labelNames{}, err
		}
		if !info.Mode().IsRegular() {
			return labelNames{}, fmt.Errorf("%q is not a file", path)
		}
		f, err := store.Open(path)
		if err != nil {
			return labelNames{}, err
		}
		data, err := textfile.Read(f, maxNames)
		f.Close()
		if err != nil {
			return labelNames{}, fmt.Errorf("%q: %w", path, err)
		}
		var names []string
		for line := range strings.Lines(strings.TrimSpace(string(data))) {
			names = append(names, strings.TrimSpace(line))
		}
		return newLabelNames(names, file)
	}
	return labelNames{}, nil
}

// maxNames is the size up to which a file of names is read, in bytes.
const maxNames = 16 << 20

// newLabelNames checks that every name can be that of a class, and is there once.
func newLabelNames(names []string, from string) (labelNames, error) {
	known := make(map[string]int, len(names))
	for i, name := range names {
		if err := CheckClassName(name); err != nil {
			return labelNames{}, fmt.Errorf("%s: name %d: %w", from, i, err)
		}
		if first, ok := known[name]; ok {
			return labelNames{}, fmt.Errorf("%s: labels %d and %d are both %q", from, first, i, name)
		}
		known[name] = i
	}
	return labelNames{names: names, from: from}, nil
}

// class returns the name of a label. Numbers without names have four digits, so that their order is that of the bytes.
func (n labelNames) class(label int64) (string, error) {
	switch {
	case label < 0:
		return "", fmt.Errorf("label %d, want 0 or more: is it the split without labels?", label)
	case n.names == nil && label > maxLabel:
		return "", fmt.Errorf("label %d, want at most %d", label, maxLabel)
	case n.names == nil:
		return fmt.Sprintf("%04d", label), nil
	case label < n.first || label-n.first >= int64(len(n.names)):
		from := ""
		if n.first > 0 {
			from = " from 1"
		}
		return "", fmt.Errorf("label %d, but %s has names for %d%s", label, n.from, len(n.names), from)
	}
	return n.names[label-n.first], nil
}

// maxLabel is the largest label without a name.
const maxLabel = 999_999

// classOfText returns the class of a label that is written: a number, or a name.
func (n labelNames) classOfText(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", errors.New("the label is empty, want a number or a name")
	}
	if label, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n.class(label)
	}
	if n.names != nil && !slices.Contains(n.names, text) {
		return "", fmt.Errorf("label %.60q is not in %s", text, n.from)
	}
	return text, CheckClassName(text)
}
