package weights

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
)

// addShards opens the shards that the index f.path names:
//
//	{"metadata": {…}, "weight_map": {"NAME": "model-00001-of-00002.safetensors", …}}
//
// Index and shards must agree on every tensor.
func (f *File) addShards(want string) error {
	text, err := ReadText(f.in.FS, f.path)
	if err != nil {
		return err
	}
	var shardOf map[string]string
	if err = foreignError(text); err == nil {
		shardOf, err = parseIndex(text)
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %w", f.path, ErrFormat, err)
	}
	shards := slices.Compact(slices.Sorted(maps.Values(shardOf)))
	for _, shard := range shards {
		tensors, err := f.add(f.in.join(f.path, "..", shard), want)
		if err != nil {
			return err
		}
		for _, t := range tensors {
			if listed, ok := shardOf[t.Name]; listed != shard {
				if !ok {
					listed = "nowhere"
				}
				return fmt.Errorf("%s: %w: tensor %q lies in %s, the index has it in %s", f.path, ErrFormat, t.Name,
					shard, listed)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(shardOf)) {
		if _, ok := f.tensors[name]; !ok {
			return fmt.Errorf("%s: %w: tensor %q is not in %s, where the index has it", f.path, ErrFormat, name,
				shardOf[name])
		}
	}
	return nil
}

// parseIndex returns the shard of every tensor. Shards lie in the index's folder or below
// it; a link there may point elsewhere, as in the hub's cache, which consists of links.
func parseIndex(text []byte) (map[string]string, error) {
	shardOf := map[string]string{}
	dec := json.NewDecoder(bytes.NewReader(text))
	err := object(dec, func(key string) error {
		if key != "weight_map" {
			var other json.RawMessage
			return decode(dec, &other, "a value")
		}
		return object(dec, func(name string) error {
			var shard string
			if err := decode(dec, &shard, "the name of a file"); err != nil {
				return fmt.Errorf("tensor %q: %w", name, err)
			}
			if !filepath.IsLocal(filepath.FromSlash(shard)) {
				return fmt.Errorf("tensor %q: its shard %q lies outside the index's folder", name, shard)
			}
			shardOf[name] = shard
			return nil
		})
	})
	if err == nil && len(shardOf) == 0 {
		err = fmt.Errorf("the index has no weight_map, or an empty one")
	}
	return shardOf, err
}
