package text

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"
)

// TestEveryCodePoint: the hash is of what the reference (tokenizers 0.23.3) says of every code point: its kind, and its
// lower case. A newer Go may know more letters than it does; then the tables in normal.go need a line.
func TestEveryCodePoint(t *testing.T) {
	h := sha256.New()
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if r == 0xD800 {
			r = 0xE000
		}
		var lower strings.Builder
		writeLower(&lower, r)
		fmt.Fprintf(h, "%c%s", "SLNO"[kindOf(r)], lower.String())
	}
	const want = "08b61aeaa0f8b5a78fb748222654bad375799a6a08258c6157cac2169bb528c5"
	if got := fmt.Sprintf("%x", h.Sum(nil)); got != want {
		t.Errorf("the hash is %s, want %s", got, want)
	}
}

func TestNormal(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"", "", ""}, {"capitals", "ABÇ", "abç"}, {"decomposed", "cafe\u0301", "café"}, {"final sigma", "ΑΣ", "ασ"},
		{"dotted I", "İ", "i\u0307"}, {"Hangul", "\u1112\u1161\u11ab", "한"},
		{"order of marks", "a\u0301\u0323", "ạ\u0301"},
		{"a mark after Unicode 9 stays", "a\u0301\u1ABF\u0323", "á\u1ABF\u0323"},
		{"such marks alone", "\u1ABF\u1ABF", "\u1ABF\u1ABF"},
		{"a letter after Unicode 9 of two", "\U00011935\U00011930", "\U00011935\U00011930"},
		{"of one", "\U00011938", "\U00011938"},
		{"singleton", "\u212B", "å"},
	} {
		if got := normal(c.text); got != c.want {
			t.Errorf("%s: %+q gives %+q, want %+q", c.name, c.text, got, c.want)
		}
	}
}

func TestWords(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", nil}, {" \t\u3000", nil}, {"a photo", []string{"a", "photo"}}, {"it's", []string{"it", "'s"}},
		{"they'll've", []string{"they", "'ll", "'ve"}}, {"'so", []string{"'s", "o"}}, {"''s", []string{"''", "s"}},
		{"1984", []string{"1", "9", "8", "4"}}, {"3.14!", []string{"3", ".", "1", "4", "!"}},
		{"a_b", []string{"a", "_", "b"}},
		{"<|endoftext|>!", []string{"<|", "endoftext", "|>", "!"}},
		{"!<|endoftext|>!", []string{"!<|", "endoftext", "|>!"}},
		{"e\u0334x", []string{"e", "\u0334", "x"}}, {"½Ⅷ", []string{"½", "Ⅷ"}},
	} {
		if got := words(c.text); !slices.Equal(got, c.want) {
			t.Errorf("%q gives %q, want %q", c.text, got, c.want)
		}
	}
}

func builtIn(t testing.TB, pad string) *Tokenizer {
	t.Helper()
	tok, err := BuiltIn(pad)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// TestBuiltIn: known tokens of the published vocabulary, whose paddings differ in what an exclamation mark is.
func TestBuiltIn(t *testing.T) {
	end, zero := builtIn(t, PadEnd), builtIn(t, PadZero)
	if len(end.id) != 49408 || end.first != 49406 || end.last != 49407 || end.pad != 49407 || zero.pad != 0 {
		t.Errorf("%d tokens, first %d, last %d, paddings %d and %d", len(end.id), end.first, end.last, end.pad,
			zero.pad)
	}
	for _, c := range []struct {
		text      string
		end, zero []int32
	}{
		{"a tench!", []int32{320, 1149, 634, 256}, []int32{320, 1149, 634, 0}},
		{"hi! you!!", []int32{1883, 256, 592, 748}, []int32{1883, 0, 592, 0, 0}},
		{"A<|endoftext|>B", []int32{320, 49407, 321}, []int32{320, 49407, 321}},
		{"A<|ENDOFTEXT|>B", []int32{320, 27, 347, 40786, 4160, 91, 285, 321}, []int32{320, 49407, 321}},
		{"<|startoftext|> x", []int32{49406, 343}, []int32{49406, 343}},
	} {
		for i, tok := range []*Tokenizer{end, zero} {
			want := [][]int32{c.end, c.zero}[i]
			if got, err := tok.Tokens(c.text); err != nil || !slices.Equal(got, want) {
				t.Errorf("%q: got %v, %v, want %v", c.text, got, err, want)
			}
		}
	}
}

func TestTooLong(t *testing.T) {
	tok := builtIn(t, PadEnd)
	for _, c := range []struct {
		name, prompt string
		err          bool
		message      string
	}{
		{"75 tokens", strings.Repeat("a ", 75), false, ""},
		{"76 tokens", strings.Repeat("a ", 76), true, "has 76 tokens, want at most 75"},
		{"more bytes than are looked at", strings.Repeat("a ", maxPrompt), true, "bytes"},
		{"one word that long", strings.Repeat("ab", maxPrompt/2), true, "tokens, want at most 75"},
	} {
		ids, err := tok.IDs(c.prompt)
		if errors.Is(err, ErrTooLong) != c.err || c.err && !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: %v", c.name, err)
		}
		if ids != nil && (len(ids) != Length || ids[0] != tok.first || ids[Length-1] != tok.last) {
			t.Errorf("%s: tokens %v", c.name, ids)
		}
	}
	if _, err := tok.IDs("caf\xe9"); err == nil || !strings.Contains(err.Error(), "UTF-8") {
		t.Errorf("Latin-1: %v", err)
	}
}

// small is a tokenizer's folder with a vocabulary of few letters.
func small(change map[string]string) fstest.MapFS {
	files := fstest.MapFS{}
	for name, text := range map[string]string{
		vocabFile: `{"a": 0, "b": 1, "a</w>": 2, "b</w>": 3, "ab": 4, "ab</w>": 5, "aab</w>": 6, "<|startoftext|>": 7,
			"<|endoftext|>": 8}`,
		mergesFile: "#version: 0.2\na b\na b</w>\na ab</w>\n",
	} {
		files["t/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	for name, text := range change {
		delete(files, "t/"+name)
		if text != "" {
			files["t/"+name] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	return files
}

const wholeSmall = `{"added_tokens": [{"id": 7, "content": "<|startoftext|>", "normalized": true}, {"id": 8,
	"content": "<|endoftext|>"},
	{"id": 9, "content": "<cat>", "normalized": true}],
	"model": {"type": "BPE", "end_of_word_suffix": "</w>", "vocab": {"a": 0, "b": 1, "a</w>": 2, "b</w>": 3, "ab": 4,
	"ab</w>": 5,
	"aab</w>": 6, "<|startoftext|>": 7, "<|endoftext|>": 8}, "merges": [["a", "b"], "a b</w>", ["a", "ab</w>"]]}}`

func TestOpenTokenizer(t *testing.T) {
	for _, c := range []struct {
		name   string
		change map[string]string
		text   string
		want   []int32
		err    string
	}{
		{"ranks", nil, "AAB ba aba", []int32{6, 1, 2, 4, 2}, ""},
		{"a byte without a token", nil, "ac", []int32{0, 8}, ""},
		{"merges of Windows", map[string]string{mergesFile: "#version: 0.2\r\na b\r\na b</w>\r\na ab</w>\r\n"}, "aab",
			[]int32{6}, ""},
		{"tokenizer.json", map[string]string{vocabFile: "", mergesFile: "", wholeFile: wholeSmall}, "aab <CAT> b",
			[]int32{6, 9, 3}, ""},
		{"added tokens", map[string]string{configOf: `{"added_tokens_decoder": {"9": {"content": "<cat>"},
			"10": {"content": "<cats>"}}}`},
			"a<cats><cat>b<CAT>", []int32{2, 10, 9, 3, 8, 8, 0, 8, 8}, ""},
		{"padding", map[string]string{specialFile: `{"pad_token": "b"}`}, "abab", []int32{2, 1, 2, 1}, ""},
		{"padding, null", map[string]string{configOf: `{"pad_token": null}`, specialFile: `{"pad_token": "b"}`}, "b",
			[]int32{1}, ""},

		{"nothing", map[string]string{vocabFile: "", mergesFile: ""}, "", nil,
			"no tokenizer: want vocab.json and merges.txt"},
		{"no merges", map[string]string{mergesFile: ""}, "", nil, "no tokenizer"},
		{"no vocabulary", map[string]string{vocabFile: ""}, "", nil, "no tokenizer"},
		{"damaged vocabulary", map[string]string{vocabFile: `{"a": `}, "", nil, "vocab.json"},
		{"a list", map[string]string{vocabFile: `["a"]`}, "", nil, "vocab.json"},
		{"two of one number", map[string]string{vocabFile: `{"a": 0, "b": 0}`}, "", nil, `"a" and "b" are both 0`},
		{"a number below 0", map[string]string{vocabFile: `{"a": -1}`}, "", nil, `"a" is -1`},
		{"no end of text", map[string]string{vocabFile: `{"a": 0}`, mergesFile: "#version"}, "", nil,
			`bos_token "<|startoftext|>" is no token`},
		{"a merge of no token", map[string]string{mergesFile: "b a"}, "", nil, `"ba" is no token`},
		{"a line of three", map[string]string{mergesFile: "#version\na b a"}, "", nil, `line 2 is "a b a"`},
		{"another tokenizer", map[string]string{configOf: `{"tokenizer_class": "T5Tokenizer"}`}, "", nil,
			`"T5Tokenizer", want CLIPTokenizer`},
		{"another model", map[string]string{vocabFile: "", mergesFile: "",
			wholeFile: `{"model": {"type": "WordPiece"}}`}, "", nil, `"WordPiece"`},
		{"words alone", map[string]string{configOf: `{"added_tokens_decoder": {"9": {"content": "cat",
			"single_word": true}}}`}, "", nil, `"cat"`},
		{"a merge of three", map[string]string{vocabFile: "", mergesFile: "",
			wholeFile: `{"model": {"merges": [["a", "b", "c"]]}}`}, "", nil, "3 pieces"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tok, err := OpenTokenizer(small(c.change), "t")
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || !strings.HasPrefix(err.Error(), "t: ") {
					t.Errorf("error %v, want one with %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, err := tok.Tokens(c.text); err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%q: got %v, %v, want %v", c.text, got, err, c.want)
			}
		})
	}
	if _, err := OpenTokenizer(small(map[string]string{vocabFile: "", mergesFile: ""}), "t"); !errors.Is(err,
		ErrNoTokenizer) {
		t.Errorf("an empty folder: %v, want ErrNoTokenizer", err)
	}
}

// FuzzTokens: whatever the text, the tokens are tokens, and those of a text with spaces around are the same.
func FuzzTokens(f *testing.F) {
	for _, seed := range []string{"", "a photo of a tench", "it's 3.14 o'clock", "<|endoftext|>!", "İ\u1ABFe\u0301",
		"猫 \x00\u3000"} {
		f.Add(seed)
	}
	tok := builtIn(f, PadZero)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := tok.Tokens(text)
		if err != nil {
			return
		}
		for _, id := range got {
			if id < 0 || id > 49407 {
				t.Errorf("%q has the token %d", text, id)
			}
		}
		if again, err := tok.Tokens(" " + text + "\n"); err != nil || !slices.Equal(got, again) {
			t.Errorf("%q: with spaces %v, %v, want %v", text, again, err, got)
		}
	})
}

// FuzzOpenTokenizer: a damaged vocabulary is an error, or one whose tokens are its own.
func FuzzOpenTokenizer(f *testing.F) {
	files := small(nil)
	f.Add(files["t/"+vocabFile].Data, files["t/"+mergesFile].Data, []byte(`{"pad_token": "b"}`), []byte(nil))
	f.Add([]byte(nil), []byte(nil), []byte(`{"added_tokens_decoder": {"9": {"content": "<cat>"}}}`), []byte(wholeSmall))
	f.Fuzz(func(t *testing.T, vocab, merges, config, whole []byte) {
		files := fstest.MapFS{}
		for name, data := range map[string][]byte{vocabFile: vocab, mergesFile: merges, configOf: config,
			wholeFile: whole} {
			if data != nil {
				files["t/"+name] = &fstest.MapFile{Data: data}
			}
		}
		tok, err := OpenTokenizer(files, "t")
		if err != nil {
			return
		}
		if ids, err := tok.IDs("a <cat> of ab"); len(ids) != Length {
			t.Errorf("%d tokens, %v", len(ids), err)
		}
	})
}
