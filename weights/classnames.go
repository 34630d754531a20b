package weights

import (
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/nlpodyssey/gopickle/types"
)

// classKeys are where programs keep the classes of a classifier: a list in the order of its outputs, a map of names to
// outputs (class_to_idx of torchvision's ImageFolder), or one of outputs to names (id2label of Hugging Face).
var classKeys = []string{"classes", "class_names", "categories", "class_to_idx", "idx_to_class", "id2label", "label2id",
	"label_names", "labels"}

// ClassNames returns the names of a classifier's outputs, in their order, and where they stand: in the metadata of a
// safetensors file, beside the tensors in a dict of PyTorch's, or in the config.json beside the file. Without names
// both are empty. A config.json that cannot be read is an error; one of another program is none.
func (f *File) ClassNames() (names []string, from string, err error) {
	for _, key := range classKeys {
		if names := namesOfText(f.metadata[key]); names != nil {
			return names, "its metadata " + strconv.Quote(key), nil
		}
	}
	for _, key := range classKeys {
		if names := f.beside[key]; names != nil {
			return names, strconv.Quote(key) + " in the file", nil
		}
	}
	if len(f.sources) == 0 {
		return nil, "", nil
	}
	const config = "config.json"
	text, err := ReadText(f.in.FS, f.in.join(f.sources[0].name, "..", config))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	var fields map[string]any
	if UnmarshalJSON(text, &fields) != nil { // of another program
		return nil, "", nil
	}
	for _, key := range classKeys {
		if names := inOrder(fields[key]); names != nil {
			return names, strconv.Quote(key) + " of the " + config + " beside it", nil
		}
	}
	return nil, "", nil
}

// namesOfText reads names from a string of metadata: JSON, or a list with commas or line ends.
func namesOfText(text string) []string {
	var v any
	if json.Unmarshal([]byte(text), &v) == nil {
		return inOrder(v)
	}
	separator := ","
	if strings.Contains(text, "\n") {
		separator = "\n"
	}
	var names []any
	for name := range strings.SplitSeq(strings.TrimSpace(text), separator) {
		names = append(names, strings.TrimSpace(name))
	}
	if len(names) < 2 {
		return nil
	}
	return inOrder(names)
}

// inOrder returns the names of a list, or of a map from or to the numbers 0, 1, …; else nil.
func inOrder(v any) []string {
	switch v := v.(type) {
	case []any:
		names := make([]string, len(v))
		for i, name := range v {
			text, ok := name.(string)
			if !ok || text == "" {
				return nil
			}
			names[i] = text
		}
		return slices.Clip(names)
	case map[string]any:
		names := make([]string, len(v))
		for key, value := range v {
			name, number := key, -1
			switch value := value.(type) {
			case float64:
				number = int(value)
			case string:
				name = value
				if n, err := strconv.Atoi(key); err == nil {
					number = n
				} else if n, err := strconv.Atoi(value); err == nil { // label2id of some programs
					name, number = key, n
				}
			}
			if number < 0 || number >= len(names) || names[number] != "" || name == "" {
				return nil
			}
			names[number] = name
		}
		if len(names) > 0 {
			return names
		}
	}
	return nil
}

// namesBeside returns the names of classes that a checkpoint of PyTorch's has beside its tensors, at its top or in a
// dict there, by their keys.
func namesBeside(root any) map[string][]string {
	beside := map[string][]string{}
	items, _ := pairs(root)
	for _, item := range items {
		inner, _ := pairs(item.Value)
		for _, item := range append([]types.DictEntry{item}, inner...) {
			key, ok := item.Key.(string)
			if !ok || !slices.Contains(classKeys, key) || beside[key] != nil {
				continue
			}
			if names := inOrder(plainValue(item.Value)); names != nil {
				beside[key] = names
			}
		}
	}
	return beside
}

// plainValue is a list or a dict of Python's as JSON would have it.
func plainValue(v any) any {
	if items, ok := pairs(v); ok {
		m := make(map[string]any, len(items))
		for _, item := range items {
			switch key := item.Key.(type) {
			case string:
				m[key] = plainNumber(item.Value)
			case int:
				m[strconv.Itoa(key)] = plainNumber(item.Value)
			}
		}
		return m
	}
	if list := listOf(v); list != nil {
		return list
	}
	return nil
}

func plainNumber(v any) any {
	if n, ok := v.(int); ok {
		return float64(n)
	}
	return v
}
