package dataset

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"mgd3/internal/textfile"
)

// A WebDataset (https://github.com/webdataset/webdataset) is tars, the shards, in which the files of a sample
// have the same name up to the first dot, the key:
//
//	000017.jpg    the image, by one of imageExt
//	000017.cls    its label as text, a number or a name
//	000017.json   or an object that has it as "label" or "cls"
//
// Other files of a sample are ignored. A key may have dots itself where image and label agree: img.v2.jpg and
// img.v2.cls are the sample img.v2, and 000017.seg.png, which has no label of its own, is another file of 000017.

// stem returns the name of a file without its last ending.
func stem(name string) string { return strings.TrimSuffix(name, path.Ext(name)) }

// firstKey returns the name of a file up to its first dot.
func firstKey(name string) string {
	dir, base := path.Split(name)
	base, _, _ = strings.Cut(base, ".")
	return dir + base
}

// ending returns the last ending of a file in lower case, without the dot.
func ending(name string) string { return strings.ToLower(strings.TrimPrefix(path.Ext(name), ".")) }

// labelled tells whether a tar is a shard: an image has a .cls of its key, or images that are in no folders
// a .json.
func (x *tarIndex) labelled() bool {
	if len(x.labels) == 0 {
		return false
	}
	ends := map[string]string{}
	for _, m := range x.labels {
		if key, end := stem(m.name), ending(m.name); end == "cls" || ends[key] == "" {
			ends[key] = end
		}
	}
	for dir, l := range x.dirs {
		for _, f := range l.images {
			key := stem(path.Join(dir, f.name))
			if ends[key] == "cls" || ends[key] == "json" && len(x.dirs) == 1 {
				return true
			}
		}
	}
	return false
}

// sample is an image and its class.
type sample struct {
	class string
	image file
}

// collectSamples enters the samples of all shards.
func collectSamples(ctx context.Context, c *collector, dir string, shards []piece, indices []*tarIndex,
	o OpenOptions) error {
	names, err := namesOf(o, dir, "classes.txt", "classnames.txt")
	if err != nil {
		return err
	}
	samples := make([][]sample, len(shards))
	lost := make([][]string, len(shards))
	err = eachOf(ctx, len(shards), func(_ context.Context, i int) (err error) {
		if samples[i], lost[i], err = indices[i].samples(shards[i], names); err != nil {
			return fmt.Errorf("%s: %w", shards[i].path, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, shard := range samples {
		if len(shard) == 0 {
			o.notes.add(passedShards, 1, filepath.Base(shards[i].path))
		}
		if len(lost[i]) > 0 {
			o.notes.add(passedLabels, len(lost[i]), lost[i][0])
		}
		for _, s := range shard {
			s.image.in = i
			c.add(s.class, s.image)
		}
	}
	for _, l := range c.of {
		l.tellApart(shards)
	}
	return c.checkOnly(o)
}

// samples joins the images of a shard with their labels. It also returns the .json without an image: perhaps they are
// something else.
func (x *tarIndex) samples(shard piece, names labelNames) (samples []sample, lost []string, err error) {
	f, err := shard.open()
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	labels := map[string]member{}
	for _, m := range x.labels {
		key := stem(m.name)
		if have, ok := labels[key]; ok {
			if ending(have.name) == ending(m.name) {
				return nil, nil, fmt.Errorf("%q comes twice", m.name)
			}
			if ending(m.name) == "json" { // .cls counts
				continue
			}
		}
		labels[key] = m
	}
	seen := map[string]bool{}
	for _, dir := range slices.Sorted(maps.Keys(x.dirs)) {
		for _, image := range x.dirs[dir].images {
			name := path.Join(dir, image.name)
			key := stem(name)
			m, ok := labels[key]
			if _, other := labels[firstKey(name)]; !ok && other { // 000017.seg.png is no image of the set
				continue
			}
			if !ok {
				return nil, nil, fmt.Errorf("%q: has neither %q nor %q with its label", name, key+".cls", key+".json")
			}
			if seen[key] {
				return nil, nil, fmt.Errorf("%q: has two images", key)
			}
			seen[key] = true
			text, err := readLabel(f, m)
			if err != nil {
				return nil, nil, fmt.Errorf("%q: %w", m.name, err)
			}
			class, err := names.classOfText(text)
			if err != nil {
				return nil, nil, fmt.Errorf("%q: %w", m.name, err)
			}
			image.name = strings.ReplaceAll(path.Join(dir, image.name), "/", "_")
			samples = append(samples, sample{class, image})
		}
	}
	for _, m := range x.labels {
		switch key := stem(m.name); {
		case seen[key] || seen[firstKey(key)]:
		case ending(m.name) == "cls":
			return nil, nil, fmt.Errorf("%q: its sample has no image, want one that ends in %s", m.name,
				strings.Join(imageExt, ", "))
		default:
			lost = append(lost, m.name)
		}
	}
	return samples, lost, nil
}

// maxLabelFile is the size up to which a label's file is read, in bytes.
const maxLabelFile = 1 << 20

// readLabel returns the label in a .cls or .json as text.
func readLabel(f interface {
	ReadAt(b []byte, at int64) (int, error)
}, m member) (string, error) {
	if m.size > maxLabelFile {
		return "", fmt.Errorf("has %d bytes, want at most %d", m.size, maxLabelFile)
	}
	data := make([]byte, m.size)
	if n, err := f.ReadAt(data, m.at); n < len(data) {
		return "", err
	}
	data, err := textfile.Clean(data)
	if err != nil {
		return "", err
	}
	if ending(m.name) != "json" {
		return string(data), nil
	}
	return jsonLabel(data)
}

// jsonLabel returns the "label" of an object, or else its "cls".
func jsonLabel(data []byte) (string, error) {
	var fields map[string]json.RawMessage
	if !json.Valid(data) {
		return "", errors.New("it is not whole JSON")
	}
	if json.Unmarshal(data, &fields) != nil {
		return "", fmt.Errorf(`it is %.60q, want an object with "label" or "cls"`, data)
	}
	label, ok := fields["label"]
	if !ok {
		label, ok = fields["cls"]
	}
	if !ok || string(label) == "null" {
		return "", fmt.Errorf(`has neither "label" nor "cls" with a label, have %s`,
			shorten(slices.Sorted(maps.Keys(fields))))
	}
	var text string
	if json.Unmarshal(label, &text) == nil {
		return text, nil
	}
	var number float64 // some writers make 1.0 of 1
	if json.Unmarshal(label, &number) != nil || number != math.Trunc(number) || math.Abs(number) > maxLabel {
		return "", fmt.Errorf("the label %.60s is neither a whole number nor a name", label)
	}
	return strconv.Itoa(int(number)), nil
}

// tellApart puts the shard's name before that of an image whose key was in an earlier shard.
func (l *listing) tellApart(shards []piece) {
	slices.SortFunc(l.images, func(a, b file) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.in, b.in))
	})
	for i := len(l.images) - 1; i > 0; i-- {
		if l.images[i].name == l.images[i-1].name {
			l.images[i].name = shards[l.images[i].in].name() + "_" + l.images[i].name
		}
	}
}
