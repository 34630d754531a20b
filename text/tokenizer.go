package text

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Length is how many tokens CLIP's text encoders see: of the prompt at most Length-2, between the first and the last.
const Length = 77

// ErrTooLong marks a prompt of more tokens than the encoder sees.
var ErrTooLong = errors.New("prompt too long")

// maxPrompt is how many bytes of a prompt are looked at; one of so many has far more than Length tokens.
const maxPrompt = 1 << 14

// Tokenizer cuts prompts into the tokens of CLIP's vocabulary, as transformers' CLIPTokenizer does.
type Tokenizer struct {
	pieces
	first, last, pad int32
	added            []added
}

// added is a token that is looked for as it is written, before or after the text is brought into its normal form.
type added struct {
	content string
	id      int32
	normal  bool // in the normal form
}

// IDs returns the tokens of a prompt [Length]: the first, those of the prompt, the last, and padding. More than fit are
// an [ErrTooLong]; the tokens returned then are those that a program which cuts the prompt would have.
func (t *Tokenizer) IDs(prompt string) ([]int32, error) {
	tokens, err := t.Tokens(prompt)
	if err != nil {
		return nil, err
	}
	ids := make([]int32, Length)
	ids[0] = t.first
	n := copy(ids[1:Length-1], tokens)
	ids[n+1] = t.last
	for i := n + 2; i < Length; i++ {
		ids[i] = t.pad
	}
	if n < len(tokens) {
		return ids, fmt.Errorf("%w: %.60q has %d tokens, want at most %d, as %d fit with those of the beginning and "+
			"the end",
			ErrTooLong, prompt, len(tokens), Length-2, Length)
	}
	return ids, nil
}

// Tokens returns the tokens of a prompt alone, however many. Text that is not UTF-8 is an error, and so are more than
// 16 KiB, an [ErrTooLong].
func (t *Tokenizer) Tokens(prompt string) ([]int32, error) {
	switch {
	case !utf8.ValidString(prompt):
		return nil, fmt.Errorf("the prompt %.60q is not text in UTF-8", prompt)
	case len(prompt) > maxPrompt:
		return nil, fmt.Errorf("%w: %.60q has %d bytes, want at most %d tokens", ErrTooLong, prompt, len(prompt),
			Length-2)
	}
	var tokens []int32
	t.cut(prompt, false, func(raw string, id int32) {
		if raw == "" {
			tokens = append(tokens, id)
			return
		}
		t.cut(normal(raw), true, func(text string, id int32) {
			if text == "" {
				tokens = append(tokens, id)
			}
			for _, w := range words(text) {
				tokens = t.word(tokens, w)
			}
		})
	})
	return tokens, nil
}

// cut gives use the added tokens in s, the leftmost and of these the longest, each as an empty text with its id, and
// the texts between them.
func (t *Tokenizer) cut(s string, normal bool, use func(text string, id int32)) {
	begin := 0
	for i := 0; i < len(s); {
		var found added
		for _, a := range t.added {
			if a.normal == normal && len(a.content) > len(found.content) && strings.HasPrefix(s[i:], a.content) {
				found = a
			}
		}
		if found.content == "" {
			i++
			continue
		}
		if begin < i {
			use(s[begin:i], 0)
		}
		use("", found.id)
		i += len(found.content)
		begin = i
	}
	if begin < len(s) {
		use(s[begin:], 0)
	}
}

// Like reports whether two tokenizers have the same vocabulary and merges, and the same ids of the special tokens.
// Only texts that spell special tokens can have other tokens then.
func (t *Tokenizer) Like(o *Tokenizer) bool {
	return t.first == o.first && t.last == o.last && t.pad == o.pad && t.unknown == o.unknown &&
		maps.Equal(t.id, o.id) && maps.Equal(t.merges, o.merges)
}

// Size is one more than the highest id of a token: what the table of a text encoder that was trained with it has rows.
func (t *Tokenizer) Size() int {
	highest := max(t.first, t.last, t.pad)
	for _, id := range t.id {
		highest = max(highest, id)
	}
	for _, a := range t.added {
		highest = max(highest, a.id)
	}
	return int(highest) + 1
}

// SHA256 is the hash of all that the tokens of a prompt depend on, hex: files that say the same in other words have the
// same.
func (t *Tokenizer) SHA256() string {
	h := sha256.New()
	fmt.Fprintln(h, t.first, t.last, t.pad, t.unknown)
	for _, text := range slices.Sorted(maps.Keys(t.id)) {
		fmt.Fprintf(h, "%q %d\n", text, t.id[text])
	}
	merges := slices.SortedFunc(maps.Keys(t.merges), func(a, b pair) int {
		return cmp.Compare(t.merges[a].rank, t.merges[b].rank)
	})
	for _, p := range merges { // the ranks' order alone counts
		fmt.Fprintln(h, p.left, p.right, t.merges[p].token)
	}
	tokens := slices.SortedFunc(slices.Values(t.added), func(a, b added) int { return cmp.Compare(a.id, b.id) })
	for _, a := range tokens {
		fmt.Fprintf(h, "%q %d %v\n", a.content, a.id, a.normal)
	}
	return hex.EncodeToString(h.Sum(nil))
}
