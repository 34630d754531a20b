package text

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"mgd3/internal/fixtures/golden"
	"mgd3/internal/fixtures/testengine"
	"mgd3/weights"
)

// encode compares an encoder's hidden states and pooled rows with those of a case.
func encode(t *testing.T, c golden.Case, at string, ids [][]int32, layer Layer, hidden, pooled string, tolHidden,
	tolPooled float64) {
	t.Helper()
	e := testengine.Open(t)
	n, err := Open(t.Context(), e, at, Options{Layer: layer})
	if err != nil {
		t.Fatal(err)
	}
	gotHidden, gotPooled, err := n.Encode(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	report := c.Report(t)
	const io = "io.safetensors"
	report.Compare(hidden, gotHidden, c.Float32s(t, io, hidden), tolHidden)
	report.Compare(pooled, gotPooled, c.Float32s(t, io, pooled), tolPooled)
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}

// rowsOf returns token ids as rows.
func rowsOf(ids []int64, length int) (rows [][]int32) {
	for row := range slices.Chunk(ids, length) {
		var list []int32
		for _, id := range row {
			list = append(list, int32(id))
		}
		rows = append(rows, list)
	}
	return rows
}

// TestGolden compares the encoders with transformers, and the tokenizers; with OpenAI's program where its case is.
func TestGolden(t *testing.T) {
	for _, c := range golden.Some(t, "text") {
		var texts struct{ Texts []string }
		c.Decode(t, &texts)
		ids := rowsOf(c.Int64s(t, "io.safetensors", "ids"), Length)
		for layer, name := range map[Layer]string{Last: "last", Penultimate: "penultimate",
			PenultimateNormed: "penultimate_normed"} {
			t.Run(c.Name+"/"+name, func(t *testing.T) {
				encode(t, c, c.Dir+"/weights.safetensors", ids, layer, name, "pooled", c.Tolerance(t, "hidden"),
					c.Tolerance(t, "pooled"))
			})
		}
		t.Run(c.Name+"/tokenizer", func(t *testing.T) {
			tok, err := OpenTokenizer(weights.Disk, c.Path("tokenizer"))
			if err != nil {
				t.Fatal(err)
			}
			for i, text := range texts.Texts {
				if got, err := tok.IDs(text); !slices.Equal(got, ids[i]) || (err != nil) != (i == 3) {
					t.Errorf("%q: got %v, %v, want %v", text, got, err, ids[i])
				}
			}
			samePrompts(t, c.Path("prompts.json.gz"), tok)
		})
	}
	for _, c := range golden.Others(t, "sd_text") {
		publishedCase(t, c)
	}
}

// samePrompts holds a tokenizer against the tokens that the reference has for thousands of texts.
func samePrompts(t *testing.T, path string, tok *Tokenizer) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unpacked, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var prompts []row
	if err := json.NewDecoder(unpacked).Decode(&prompts); err != nil {
		t.Fatal(err)
	}
	if len(prompts) < 100 {
		t.Fatalf("%d prompts, want many", len(prompts))
	}
	wrong := 0
	for _, p := range prompts {
		got, err := tok.Tokens(p.text)
		if err != nil || !slices.Equal(got, p.ids) {
			if wrong++; wrong < 10 {
				t.Errorf("%q (%+q): got %v, %v, want %v", p.text, p.text, got, err, p.ids)
			}
		}
	}
	t.Logf("%d of %d prompts differ", wrong, len(prompts))
}

// row is a text and its tokens.
type row struct {
	text string
	ids  []int32
}

func (r *row) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, &[]any{&r.text, &r.ids}) }

// publishedCase compares with a case of OpenAI's program: the encoder, and the tokens of the built-in vocabulary.
func publishedCase(t *testing.T, c golden.Case) {
	var settings struct {
		Clip   json.RawMessage `json:"clip_text"`
		Tokens []struct {
			Text string
			IDs  []int32
		}
	}
	c.Decode(t, &settings)
	t.Run(c.Name+"/tokens", func(t *testing.T) {
		tok, err := BuiltIn(PadEnd)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range settings.Tokens {
			if got, err := tok.IDs(want.Text); err != nil || !slices.Equal(got[:len(want.IDs)], want.IDs) {
				t.Errorf("%q: got %v, %v, want %v", want.Text, got, err, want.IDs)
			}
		}
		if len(settings.Tokens) == 0 {
			t.Error("no prompts")
		}
	})
	dir := t.TempDir()
	copyFile(t, c.Path("clip_text_weights.safetensors"), dir+"/model.safetensors")
	if err := os.WriteFile(dir+"/config.json", settings.Clip, 0o644); err != nil {
		t.Fatal(err)
	}
	const io = "io.safetensors"
	shape := c.Tensor(t, io, "clip/input_ids").Shape
	ids := rowsOf(c.Int64s(t, io, "clip/input_ids"), shape[1])
	var tolerance struct {
		Tolerance struct {
			Clip float64 `json:"clip_max_abs"`
		}
	}
	c.Decode(t, &tolerance)
	tol := tolerance.Tolerance.Clip
	for layer, name := range map[Layer]string{Last: "clip/last_hidden_state",
		PenultimateNormed: "clip/penultimate_after_final_norm"} {
		t.Run(c.Name+"/"+name, func(t *testing.T) { encode(t, c, dir, ids, layer, name, "clip/pooled", tol, tol) })
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
