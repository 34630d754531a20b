package sd

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/internal/fixtures/testengine"
	"mgd3/weights"
)

// TestHash: whatever the images depend on beside the prompts changes the hash, and nothing else does.
func TestHash(t *testing.T) {
	e := testengine.Open(t)
	hash := func(t *testing.T, dir string) string {
		t.Helper()
		m, _, err := OpenFS(t.Context(), e, weights.Disk, filepath.ToSlash(filepath.Join(dir, "unet")), Options{})
		if err != nil {
			t.Fatal(err)
		}
		return m.Hash()
	}
	for _, c := range []struct {
		name, model, file, from, to string
		differs                     bool
	}{
		{"as it is", "sd1", "model_index.json", "", "", false},
		{"a version", "sd1", "model_index.json", `"_class_name"`, `"_diffusers_version": "9", "_class_name"`, false},
		{"a name", "sd1", "text_encoder/config.json", `{`, `{"_name_or_path": "x",`, false},
		{"the size", "sd1", "unet/config.json", `"sample_size": 8`, `"sample_size": 16`, false},
		{"a letter without a token", "sd1", "tokenizer/tokenizer.json", `"z": `, `"zz": `, true},
		{"the padding", "sd1", "tokenizer/tokenizer_config.json", `"pad_token": "<|endoftext|>"`,
			`"pad_token": "<|startoftext|>"`, true},
		{"the text encoder's heads", "sd1", "text_encoder/config.json", `"num_attention_heads": 2`,
			`"num_attention_heads": 4`, true},
		{"the denoiser's heads", "sd1", "unet/config.json", `"attention_head_dim": 2`, `"attention_head_dim": 4`, true},
		{"the empty prompt", "sdxl", "model_index.json", `"force_zeros_for_empty_prompt": true`,
			`"force_zeros_for_empty_prompt": false`, true},
		{"the empty prompt, said by nothing", "sdxl", "model_index.json", `"force_zeros_for_empty_prompt"`, `"other"`,
			false},
		{"the second tokenizer", "sdxl", "tokenizer_2/tokenizer_config.json", `"pad_token": "!"`,
			`"pad_token": "<|endoftext|>"`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			golden := "../testdata/golden/sd_pipeline_small_" + c.model
			dir := t.TempDir()
			path := filepath.Join(dir, filepath.FromSlash(c.file))
			errCopy := os.CopyFS(dir, os.DirFS(golden))
			data, errRead := os.ReadFile(path)
			if err := errors.Join(errCopy, errRead); err != nil {
				t.Fatal(err)
			}
			changed := strings.Replace(string(data), c.from, c.to, 1)
			if c.from != "" && changed == string(data) {
				t.Fatalf("%s has no %s:\n%.600s", c.file, c.from, data)
			}
			if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := hash(t, dir) != hash(t, golden); got != c.differs {
				t.Errorf("the hash differs: %v, want %v", got, c.differs)
			}
		})
	}
}

// TestForeignTokenizer: a tokenizer of other tokens than the text encoder's table has rows is told of.
func TestForeignTokenizer(t *testing.T) {
	e, dir := testengine.Open(t), t.TempDir()
	config := filepath.Join(dir, "tokenizer", "tokenizer.json")
	errCopy := os.CopyFS(dir, os.DirFS("../testdata/golden/sd_pipeline_small_sd1"))
	data, errRead := os.ReadFile(config)
	if err := errors.Join(errCopy, errRead); err != nil {
		t.Fatal(err)
	}
	told := func() bool {
		m, _, err := OpenFS(t.Context(), e, weights.Disk, filepath.ToSlash(filepath.Join(dir, "unet")), Options{})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(strings.Join(m.Notes, "\n"), "one may be another model's")
	}
	if told() {
		t.Error("told of the model's own tokenizer")
	}
	more := strings.Replace(string(data), `"z": `, `"another": 600, "z": `, 1)
	if err := os.WriteFile(config, []byte(more), 0o600); err != nil {
		t.Fatal(err)
	}
	if !told() {
		t.Error("not told of a tokenizer with a token more")
	}
}
