package weights

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestShards(t *testing.T) {
	one := encode(t, []Tensor{F32("a", []int{1}, []float32{1}), F32("b", []int{1}, []float32{2})},
		map[string]string{"format": "pt"})
	two := encode(t, []Tensor{F32("c", []int{1}, []float32{3})}, nil)
	for _, c := range []struct {
		name, index, want string // want: words of the error; empty: opens
	}{
		{"sound", `{"metadata":{"total_size":12},"weight_map":{"a":"1.safetensors","b":"1.safetensors",
			"c":"sub/2.safetensors"}}`, ""},
		{"absent tensor", `{"weight_map":{"a":"1.safetensors","b":"1.safetensors","d":"1.safetensors"}}`,
			`"d" is not in 1.safetensors`},
		{"unlisted tensor", `{"weight_map":{"a":"1.safetensors"}}`,
			`"b" lies in 1.safetensors, the index has it in nowhere`},
		{"wrong shard", `{"weight_map":{"a":"1.safetensors","b":"sub/2.safetensors","c":"sub/2.safetensors"}}`,
			`"b" lies in 1.safetensors, the index has it in sub/2.safetensors`},
		{"missing shard", `{"weight_map":{"a":"3.safetensors"}}`, "3.safetensors"},
		{"shard above", `{"weight_map":{"a":"../1.safetensors"}}`, "outside"},
		{"shard above, hidden", `{"weight_map":{"a":"sub/../../1.safetensors"}}`, "outside"},
		{"shard at the root", `{"weight_map":{"a":"/etc/passwd"}}`, "outside"},
		{"shard without name", `{"weight_map":{"a":""}}`, "outside"},
		{"shard is a folder", `{"weight_map":{"a":"sub"}}`, "it is a folder, want a file"},
		{"tensor twice", `{"weight_map":{"a":"1.safetensors","a":"sub/2.safetensors"}}`, "given twice"},
		{"no map", `{}`, "no weight_map"},
		{"empty map", `{"weight_map":{}}`, "no weight_map"},
		{"map of numbers", `{"weight_map":{"a":1}}`, `tensor "a": have a number, want the name of a file`},
		{"not an object", `[]`, "want a JSON object"},
		{"cut short", `{"weight_map":{"a":`, "bad JSON"},
		{"empty file", ``, "bad JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, content := range map[string][]byte{
				"model.safetensors.index.json": []byte(c.index), "1.safetensors": one, "sub/2.safetensors": two,
			} {
				path := filepath.Join(dir, name)
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777),
					os.WriteFile(path, content, 0o666)); err != nil {
					t.Fatal(err)
				}
			}
			f, err := Open(dir)
			if c.want != "" {
				wantError(t, err, nil, dir, c.want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if !slices.Equal(f.Names(), []string{"a", "b", "c"}) || len(f.Paths()) != 2 ||
				f.Metadata()["format"] != "pt" {
				t.Errorf("names %q, paths %q, metadata %q", f.Names(), f.Paths(), f.Metadata())
			}
			sum := sha256.Sum256(slices.Concat(one, two))
			if got, err := f.SHA256(t.Context()); err != nil || got != hex.EncodeToString(sum[:]) {
				t.Errorf("hash %s, %v, want %x", got, err, sum)
			}
		})
	}
}

// An index that parses names a local file for every tensor.
func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"metadata":{"total_size":12},"weight_map":{"a":"1.safetensors","c":"sub/2.safetensors"}}`))
	f.Add([]byte(`{"weight_map":{"a":"../1.safetensors"}}`))
	f.Add([]byte(`{"weight_map":{"a":"x","a":"y"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		shardOf, err := parseIndex(text)
		if err != nil {
			return
		}
		for name, shard := range shardOf {
			if !filepath.IsLocal(shard) {
				t.Errorf("tensor %q lies in %q, outside", name, shard)
			}
		}
	})
}
