package text

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"mgd3/weights"
)

var (
	// ErrNoTokenizer says that a folder has no vocabulary.
	ErrNoTokenizer = errors.New("no tokenizer")

	// ErrVocabulary marks a vocabulary that is not one of CLIP's, or is damaged.
	ErrVocabulary = errors.New("not a vocabulary of CLIP's")
)

// Names of a tokenizer's files. Older programs write the first three, transformers v5 the last two.
const (
	vocabFile   = "vocab.json"
	mergesFile  = "merges.txt"
	specialFile = "special_tokens_map.json"
	configOf    = "tokenizer_config.json"
	wholeFile   = "tokenizer.json"
)

// Names of the tokens at the beginning and the end of every prompt.
const (
	startOfText = "<|startoftext|>"
	endOfText   = "<|endoftext|>"
)

// token is a special token as files have it: its text alone, or an object.
type token struct {
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	Normalized bool   `json:"normalized"`
}

// UnmarshalJSON reads either form.
func (t *token) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte(`"`)) {
		return json.Unmarshal(data, &t.Content)
	}
	type object token
	return json.Unmarshal(data, (*object)(t))
}

// specials are the special tokens of a configuration, in the order in which later ones of the same text count.
type specials struct {
	Bos   *token          `json:"bos_token"`
	Eos   *token          `json:"eos_token"`
	Unk   *token          `json:"unk_token"`
	Pad   *token          `json:"pad_token"`
	Added map[int32]token `json:"added_tokens_decoder"`
	Class string          `json:"tokenizer_class"`
}

// OpenTokenizer reads the tokenizer in a folder: vocab.json and merges.txt, or tokenizer.json; tokenizer_config.json
// and special_tokens_map.json beside them say which tokens are special. A folder with neither is an [ErrNoTokenizer].
func OpenTokenizer(fsys fs.FS, dir string) (*Tokenizer, error) {
	t, err := openTokenizer(fsys, dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return t, nil
}

func openTokenizer(fsys fs.FS, dir string) (*Tokenizer, error) {
	var special, older specials
	if _, err := weights.ReadJSON(fsys, path.Join(dir, configOf), &special); err != nil {
		return nil, err
	}
	if _, err := weights.ReadJSON(fsys, path.Join(dir, specialFile), &older); err != nil {
		return nil, err
	}
	if c := special.Class; c != "" && strings.TrimSuffix(c, "Fast") != "CLIPTokenizer" {
		return nil, fmt.Errorf("%w: its %s has the tokenizer_class %q, want CLIPTokenizer", ErrVocabulary, configOf, c)
	}
	special.fill(older)
	vocab, merges, addedTokens, err := readPieces(fsys, dir)
	if err != nil {
		return nil, err
	}
	if addedTokens == nil {
		addedTokens = special.Added
	}
	return newTokenizer(vocab, merges, special, addedTokens)
}

// fill takes the tokens that s lacks from an older file, and then from transformers' defaults.
func (s *specials) fill(older specials) {
	for _, f := range []struct {
		to   **token
		from *token
		text string
	}{
		{&s.Bos, older.Bos, startOfText}, {&s.Eos, older.Eos, endOfText}, {&s.Unk, older.Unk, endOfText},
		{&s.Pad, older.Pad, endOfText},
	} {
		if *f.to == nil {
			*f.to = f.from
		}
		if *f.to == nil {
			*f.to = &token{Content: f.text}
		}
	}
}

// readPieces reads the vocabulary, the merges, and of tokenizer.json the added tokens.
func readPieces(fsys fs.FS, dir string) (vocab map[string]int32, merges [][2]string, added map[int32]token, err error) {
	there, err := weights.ReadJSON(fsys, path.Join(dir, vocabFile), &vocab)
	if err != nil {
		return nil, nil, nil, err
	}
	text, err := weights.ReadText(fsys, path.Join(dir, mergesFile))
	switch {
	case err == nil && there:
		if merges, err = parseMerges(text); err != nil {
			err = fmt.Errorf("%s: %w", mergesFile, err)
		}
		return vocab, merges, nil, err
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, nil, nil, err
	}
	var whole struct {
		Added []struct {
			ID         int32  `json:"id"`
			Content    string `json:"content"`
			SingleWord bool   `json:"single_word"`
			Normalized bool   `json:"normalized"`
		} `json:"added_tokens"`
		Model struct {
			Type   string           `json:"type"`
			End    string           `json:"end_of_word_suffix"`
			Vocab  map[string]int32 `json:"vocab"`
			Merges []pieceMerge     `json:"merges"`
		} `json:"model"`
	}
	if there, err = weights.ReadJSON(fsys, path.Join(dir, wholeFile), &whole); err != nil {
		return nil, nil, nil, err
	}
	if !there {
		return nil, nil, nil, fmt.Errorf("%w: want %s and %s, or %s", ErrNoTokenizer, vocabFile, mergesFile, wholeFile)
	}
	if m := whole.Model; m.Type != "BPE" || m.End != end {
		return nil, nil, nil, fmt.Errorf("%s: %w: its model is of type %q with the end of words %q, want BPE with %q",
			wholeFile, ErrVocabulary, m.Type, m.End, end)
	}
	added = map[int32]token{}
	for _, a := range whole.Added {
		added[a.ID] = token{a.Content, a.SingleWord, a.Normalized}
	}
	for _, m := range whole.Model.Merges {
		merges = append(merges, m)
	}
	return whole.Model.Vocab, merges, added, nil
}

// pieceMerge is a merge in tokenizer.json: a list of two, or in older files one text with a space.
type pieceMerge [2]string

// UnmarshalJSON reads either form.
func (m *pieceMerge) UnmarshalJSON(data []byte) error {
	var list []string
	if bytes.HasPrefix(data, []byte(`"`)) {
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
		list = strings.Split(s, " ")
	} else if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	if len(list) != 2 {
		return fmt.Errorf("a merge of %d pieces, want 2", len(list))
	}
	*m = pieceMerge(list)
	return nil
}

// parseMerges reads a merges.txt: two pieces with a space between on every line, but for one that begins with #version.
func parseMerges(text []byte) ([][2]string, error) {
	var merges [][2]string
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if line == "" || strings.HasPrefix(line, "#version") {
			continue
		}
		left, right, ok := strings.Cut(line, " ")
		if !ok || left == "" || right == "" || strings.Contains(right, " ") {
			return nil, fmt.Errorf("%w: line %d is %.40q, want two pieces with a space between", ErrVocabulary, n, line)
		}
		merges = append(merges, [2]string{left, right})
	}
	return merges, nil
}

// maxVocabulary is far above the 49,408 tokens of the published ones.
const maxVocabulary = 1 << 20

// newTokenizer puts a tokenizer together. Of added tokens, which a file lists whole or not at all, those that are
// special are known in any case.
func newTokenizer(vocab map[string]int32, merges [][2]string, s specials,
	addedTokens map[int32]token) (*Tokenizer, error) {
	t := &Tokenizer{pieces: pieces{id: vocab, merges: map[pair]merge{}}}
	of := map[int32]string{}
	for text, id := range vocab {
		if other, twice := of[id]; twice || id < 0 || id >= maxVocabulary {
			if twice {
				return nil, fmt.Errorf("%w: the tokens %q and %q are both %d", ErrVocabulary, min(text, other),
					max(text, other), id)
			}
			return nil, fmt.Errorf("%w: the token %q is %d, want 0 to %d", ErrVocabulary, text, id, maxVocabulary-1)
		}
		of[id] = text
	}
	for rank, m := range merges {
		ids := [3]int32{}
		for i, piece := range []string{m[0], m[1], m[0] + m[1]} {
			id, ok := vocab[piece]
			if !ok {
				return nil, fmt.Errorf("%w: merge %d is of %q and %q, and %q is no token", ErrVocabulary, rank,
					m[0], m[1],
					piece)
			}
			ids[i] = id
		}
		t.merges[pair{ids[0], ids[1]}] = merge{rank, ids[2]}
	}
	for id, a := range addedTokens {
		t.add(a, id)
	}
	for _, f := range []struct {
		to    *int32
		token *token
		name  string
	}{{&t.first, s.Bos, "bos_token"}, {&t.last, s.Eos, "eos_token"}, {&t.unknown, s.Unk, "unk_token"},
		{&t.pad, s.Pad, "pad_token"}} {
		id, ok := vocab[f.token.Content]
		if i := slices.IndexFunc(t.added, func(a added) bool { return a.content == f.token.Content }); !ok && i >= 0 {
			id, ok = t.added[i].id, true
		}
		if !ok {
			return nil, fmt.Errorf("%w: the %s %q is no token", ErrVocabulary, f.name, f.token.Content)
		}
		*f.to = id
		if addedTokens == nil {
			t.add(*f.token, id)
		}
	}
	for id, a := range addedTokens {
		if a.SingleWord {
			return nil, fmt.Errorf("%w: the added token %q, %d, is to be found between words alone, which is not "+
				"followed",
				ErrVocabulary, a.Content, id)
		}
	}
	return t, nil
}

// add makes a an added token, in the place of one of the same text.
func (t *Tokenizer) add(a token, id int32) {
	if a.Content == "" {
		return
	}
	content := a.Content
	if a.Normalized {
		content = normal(content)
	}
	t.added = slices.DeleteFunc(t.added, func(old added) bool { return old.id == id })
	t.added = append(t.added, added{content, id, a.Normalized})
}

// mergesOfCLIP are the merges of OpenAI's CLIP, from which its vocabulary follows; vocabulary/LICENSE has their
// licence.
//
//go:embed vocabulary/merges.txt.gz
var mergesOfCLIP []byte

// Padding of the published models.
const (
	PadEnd  = endOfText // Stable Diffusion 1, and SDXL's first encoder
	PadZero = "!"       // Stable Diffusion 2, and SDXL's second encoder: token 0
)

// BuiltIn returns the tokenizer with the 49,408 tokens of OpenAI's CLIP, for checkpoints that come without one. The
// padding is special: where a prompt has it, it is that token and not part of a word, as in transformers.
func BuiltIn(pad string) (*Tokenizer, error) {
	vocab, _, merges, err := vocabularyOfCLIP()
	if err != nil {
		return nil, err
	}
	special := specials{
		Bos: &token{Content: startOfText, Normalized: true}, Eos: &token{Content: endOfText, Normalized: true},
		Unk: &token{Content: endOfText, Normalized: true}, Pad: &token{Content: pad},
	}
	return newTokenizer(vocab, merges, special, nil)
}

// vocabularyOfCLIP returns OpenAI's: the token of every piece, and the merges as text and read.
func vocabularyOfCLIP() (vocab map[string]int32, text []byte, merges [][2]string, err error) {
	unpacked, err := gzip.NewReader(bytes.NewReader(mergesOfCLIP))
	if err != nil {
		return nil, nil, nil, err
	}
	if text, err = io.ReadAll(unpacked); err != nil {
		return nil, nil, nil, err
	}
	if merges, err = parseMerges(text); err != nil {
		return nil, nil, nil, err
	}
	vocab = map[string]int32{}
	put := func(piece string) { vocab[piece] = int32(len(vocab)) }
	inOrder := slices.Sorted(slices.Values(letterOf[:])) // ! to ~, ¡ to ÿ, and what stands for the others
	for _, l := range inOrder {
		put(l)
	}
	for _, l := range inOrder {
		put(l + end)
	}
	for _, m := range merges {
		put(m[0] + m[1])
	}
	put(startOfText)
	put(endOfText)
	return vocab, text, merges, nil
}
