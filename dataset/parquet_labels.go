package dataset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"mgd3/dataset/internal/parquet"
)

// names returns those of the labels: as asked for, or else those in the file's metadata, or beside it.
func (t *table) names(o OpenOptions) (labelNames, error) {
	beside := func() (labelNames, error) {
		return namesOf(o, filepath.Dir(t.path), "classes.txt", "classnames.txt")
	}
	text, ok := t.Text("huggingface")
	if o.Names != nil || !ok {
		return beside()
	}
	features, err := hubFeatures(text)
	if err != nil {
		return labelNames{}, err
	}
	name := t.Columns[t.label].Name
	names, err := featureNames(features[name])
	if errors.Is(err, errList) {
		return labelNames{}, listError(name)
	}
	if err != nil {
		return labelNames{}, fmt.Errorf("metadata \"huggingface\": feature %q: %w", name, err)
	}
	if names == nil {
		return beside()
	}
	return newLabelNames(names, "the file's metadata")
}

// hubFeatures reads the kinds of columns from the metadata "huggingface".
func hubFeatures(text string) (map[string]json.RawMessage, error) {
	var meta struct {
		Info struct {
			Features map[string]json.RawMessage `json:"features"`
		} `json:"info"`
	}
	if err := json.Unmarshal([]byte(text), &meta); err != nil {
		return nil, errors.New("metadata \"huggingface\": not the JSON that the hub writes, with info and features")
	}
	return meta.Info.Features, nil
}

// features returns the columns that are of a kind, such as Image, by the hub's metadata, in byte order.
func (t *table) features(kind string) (names []string) {
	text, _ := t.Text("huggingface")
	features, _ := hubFeatures(text) // nil where they cannot be read: names says so
	for name, feature := range features {
		var is struct {
			Type string `json:"_type"`
		}
		if json.Unmarshal(feature, &is) == nil && is.Type == kind && kind != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// featureNames returns the names of a label: a list, or a map from "0", "1" and so on. Nil if there are none.
func featureNames(feature json.RawMessage) ([]string, error) {
	var label struct {
		Type  string          `json:"_type"`
		Names json.RawMessage `json:"names"`
	}
	err := json.Unmarshal(feature, &label)
	if bytes.HasPrefix(bytes.TrimSpace(feature), []byte("[")) ||
		slices.Contains([]string{"Sequence", "List", "LargeList"}, label.Type) {
		return nil, errList
	}
	if err != nil || len(label.Names) == 0 || string(label.Names) == "null" {
		return nil, nil // a feature without names, or of a kind that has none
	}
	var names []string
	if json.Unmarshal(label.Names, &names) == nil {
		return names, nil
	}
	var byNumber map[string]string
	if json.Unmarshal(label.Names, &byNumber) != nil {
		return nil, fmt.Errorf(`names %.60q: want a list of words, or a map from "0", "1" and so on to words`,
			label.Names)
	}
	for i := range len(byNumber) {
		name, ok := byNumber[strconv.Itoa(i)]
		if !ok {
			return nil, fmt.Errorf("%d names by number, but none of %d", len(byNumber), i)
		}
		names = append(names, name)
	}
	return names, nil
}

// labels calls add with the class of each row of a group.
func (t *table) labels(group int, names labelNames, add func(class string)) error {
	pages, err := t.Pages(group, t.label)
	if err != nil {
		return err
	}
	if names.names == nil && t.Columns[t.label].Type == parquet.Boolean {
		names = labelNames{names: []string{"false", "true"}, from: "BOOLEAN"}
	}
	for _, p := range pages {
		v, err := t.ReadPage(group, t.label, p)
		if err != nil {
			return err
		}
		for i, null := range v.Null {
			var class string
			err := errors.New("has no label")
			switch {
			case null:
			case v.Bytes != nil:
				class, err = names.classOfText(string(v.Bytes[i]))
			default:
				class, err = names.class(v.Ints[i])
			}
			if err != nil {
				return err
			}
			add(class)
		}
	}
	return nil
}
