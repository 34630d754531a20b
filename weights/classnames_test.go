package weights_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"mgd3/internal/fixtures/pytorch"
	"mgd3/weights"
)

// TestClassNames: the names of a classifier's outputs are found where programs keep them, and nothing else is taken
// for them.
func TestClassNames(t *testing.T) {
	head := []weights.Tensor{weights.F32("fc.bias", []int{3}, []float32{1, 2, 3})}
	with := func(pairs ...any) func(any) any {
		return func(state any) any { return pytorch.Pairs(append([]any{"state_dict", state}, pairs...)...) }
	}
	want := []string{"owl", "cat", "dog"}
	for _, test := range []struct {
		name     string
		metadata map[string]string // of a safetensors file
		wrap     func(any) any     // of a file of PyTorch's
		config   string            // beside the file
		want     []string
	}{
		{"none", nil, nil, "", nil},
		{"a list", map[string]string{"classes": `["owl","cat","dog"]`}, nil, "", want},
		{"a list with commas", map[string]string{"class_names": "owl, cat,dog"}, nil, "", want},
		{"a list with line ends", map[string]string{"categories": "owl\ncat\ndog\n"}, nil, "", want},
		{"a map from names", map[string]string{"class_to_idx": `{"cat":1,"dog":2,"owl":0}`}, nil, "", want},
		{"a map to names", map[string]string{"id2label": `{"0":"owl","2":"dog","1":"cat"}`}, nil, "", want},
		{"a map with a gap", map[string]string{"id2label": `{"0":"owl","3":"dog","1":"cat"}`}, nil, "", nil},
		{"a map with one number twice", map[string]string{"class_to_idx": `{"cat":1,"dog":1,"owl":0}`}, nil, "", nil},
		{"a number", map[string]string{"classes": "3"}, nil, "", nil},
		{"numbers", map[string]string{"classes": "[0,1,2]"}, nil, "", nil},
		{"a list of Python's", nil, with("classes", pytorch.List{"owl", "cat", "dog"}), "", want},
		{"class_to_idx of ImageFolder", nil, with("epoch", 3, "class_to_idx",
			pytorch.Pairs("cat", 1, "dog", 2, "owl", 0)), "", want},
		{"names in a dict", nil, with("meta", pytorch.Pairs("categories", pytorch.List{"owl", "cat", "dog"})), "",
			want},
		{"a dict of Python's with numbers as keys", nil, with("idx_to_class",
			pytorch.Pairs(0, "owl", 1, "cat", 2, "dog")), "", want},
		{"a dict without", nil, with("epoch", 3), "", nil},
		{"config.json", nil, nil, `{"id2label": {"0":"owl","1":"cat","2":"dog"}}`, want},
		{"config.json of another program", nil, nil, `["owl"]`, nil},
		{"metadata before config.json", map[string]string{"classes": `["owl","cat","dog"]`}, nil,
			`{"id2label": {"0":"a","1":"b","2":"c"}}`, want},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			var file bytes.Buffer
			if test.wrap != nil {
				file.Write(pytorch.Torch(head, test.wrap).Zip())
			} else if err := weights.Write(&file, head, test.metadata); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, file.Bytes(), 0o666); err != nil {
				t.Fatal(err)
			}
			if test.config != "" {
				if err := os.WriteFile(filepath.Join(filepath.Dir(path), "config.json"), []byte(test.config),
					0o666); err != nil {
					t.Fatal(err)
				}
			}
			f, err := weights.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			got, from, err := f.ClassNames()
			if err != nil || !slices.Equal(got, test.want) || (from == "") != (test.want == nil) {
				t.Errorf("got %q from %q, %v, want %q", got, from, err, test.want)
			}
		})
	}
}
