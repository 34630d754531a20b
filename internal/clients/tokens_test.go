package clients

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"mgd3/text"
	"mgd3/weights"
)

// TestTokens: texts from all over Unicode become the tokens that transformers makes of them, with the tokenizer in
// every form in which programs of the last years have written it. MGD3_TEST_SEED and MGD3_TEST_TEXTS make other texts,
// and more.
func TestTokens(t *testing.T) {
	dir := t.TempDir()
	merges, err := filepath.Abs("../../text/vocabulary/merges.txt.gz")
	if err != nil {
		t.Fatal(err)
	}
	python(t, "tokens.py", dir, merges)
	want, err := filepath.Glob(filepath.Join(dir, "*-*.json"))
	if err != nil || len(want) < 13 {
		t.Fatalf("%d files of tokens, %v", len(want), err)
	}
	for _, path := range append(want, filepath.Join(dir, "bare.json")) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			var all struct {
				Texts       []string
				Tokens, IDs [][]int32
			}
			readJSON(t, path, &all)
			tok, err := text.OpenTokenizer(weights.Disk, path[:len(path)-len(".json")])
			if err != nil {
				t.Fatal(err)
			}
			wrong := 0
			for i, s := range all.Texts {
				if got, err := tok.Tokens(s); err != nil || !slices.Equal(got, all.Tokens[i]) {
					if wrong++; wrong < 5 {
						t.Errorf("%+q: got %v, %v, want %v", s, got, err, all.Tokens[i])
					}
				}
			}
			for i, ids := range all.IDs {
				if got, _ := tok.IDs(all.Texts[i]); !slices.Equal(got, ids) {
					t.Errorf("%+q: got %v, want %v", all.Texts[i], got, ids)
				}
			}
			t.Logf("%d of %d texts differ", wrong, len(all.Texts))
		})
	}
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}
