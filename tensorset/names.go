package tensorset

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"mgd3/dataset"
	"mgd3/store"
	"mgd3/weights"
)

// Names of the labels 0, 1, … that a set has itself, as mgd3's own exports do:
//
//	classes.txt           in a folder, one a line
//	"classes"             of a dict or a .npz, a list of strings; also "class_names", "names" and the like
//	"class_to_idx"        of a dict, numbers by name, as torchvision's ImageFolder has them, or names by number
//	metadata              of a safetensors file or its config.json, as those of a classifier
//	the labels            where they are names themselves

// namesFile is that of a folder.
const namesFile = "classes.txt"

// ClassNames returns the names that a set has for its labels, nil if it has none.
func ClassNames(ctx context.Context, path string, o Options) ([]string, error) {
	f, err := find(ctx, path, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrSet, err)
	}
	return f.names, f.close()
}

// namesBeside reads the names in a folder.
func (f *found) namesBeside(dir string) error {
	path := filepath.Join(dir, namesFile)
	if _, err := store.Stat(path); store.Failed(err) {
		return err
	} else if err != nil {
		return nil
	}
	names, err := dataset.ParseNames(path)
	if err != nil {
		return err
	}
	return f.named(namesFile, names)
}

// namesWithin takes the names in a tree. What has the name of a list of them and is none is left.
func (f *found) namesWithin(v any, depth int) error {
	const deepest = 3
	items, ok := v.([]weights.Item)
	if !ok || depth > deepest || f.names != nil {
		return nil
	}
	for _, item := range items {
		key, _ := item.Key.(string)
		var err error
		switch strings.ToLower(key) {
		case "classes", "class_names", "classnames", "names", "categories", "label_names":
			err = f.named(key, stringsOf(item.Value))
			if f.names == nil && tensorOf(item.Value).Shape == nil {
				f.note("%q in it is no list of different names, and none is taken from it", key)
			}
		case "class_to_idx", "label2id", "idx_to_class", "id2label":
			var names []string
			if names, err = byNumber(item.Value); err != nil {
				return fmt.Errorf("%q: %w", key, err)
			}
			err = f.named(key, names)
		default:
			// "label_map" and whatever else a program calls it
			if names, none := byNumber(item.Value); none == nil && len(names) > 1 && labelName(key) {
				err = f.named(key, names)
				break
			}
			err = f.namesWithin(item.Value, depth+1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// named takes names, the first that are found.
func (f *found) named(where string, names []string) error {
	for _, name := range names {
		if err := dataset.CheckClassName(name); err != nil {
			return fmt.Errorf("%q: %w", where, err)
		}
	}
	if f.names == nil && len(names) > 0 {
		f.names = names
		f.note("its labels have names of their own, in %q: 0 is %q, …", where, names[0])
	}
	return nil
}

// stringsOf returns a list of strings that are all different, nil of anything else.
func stringsOf(v any) (list []string) {
	values, _ := v.([]any)
	for _, value := range values {
		s, ok := value.(string)
		if !ok || slices.Contains(list, s) {
			return nil
		}
		list = append(list, s)
	}
	return list
}

// byNumber returns the names of a dict in the order of their numbers, which are 0, 1, …: the keys, or the values.
func byNumber(v any) ([]string, error) {
	items, _ := v.([]weights.Item)
	names := make([]string, len(items))
	for _, item := range items {
		name, ok := item.Key.(string)
		n, whole := item.Value.(int)
		if value, is := item.Value.(string); is {
			name, ok = value, true
			n, whole = classNumber(item.Key)
		}
		if !ok || !whole || n < 0 || n >= len(names) || names[n] != "" {
			return nil, fmt.Errorf("want the numbers from 0 to %d, each for one name", len(names)-1)
		}
		names[n] = name
	}
	return names, nil
}

// classNumber returns the number that a key is, 3 or "3".
func classNumber(key any) (int, bool) {
	if text, ok := key.(string); ok {
		n, err := strconv.Atoi(text)
		return n, err == nil && strconv.Itoa(n) == text
	}
	n, ok := key.(int)
	return n, ok
}
