package text

import (
	"slices"
	"testing"
	"testing/fstest"
)

// TestTokenizerFiles: the files written of CLIP's tokenizer give the tokens of the one in the program.
func TestTokenizerFiles(t *testing.T) {
	for _, pad := range []string{PadEnd, PadZero} {
		files, err := TokenizerFiles(pad)
		if err != nil {
			t.Fatal(err)
		}
		fsys := fstest.MapFS{}
		for name, data := range files {
			fsys["tokenizer/"+name] = &fstest.MapFile{Data: data}
		}
		got, err := OpenTokenizer(fsys, "tokenizer")
		if err != nil {
			t.Fatal(err)
		}
		want, err := BuiltIn(pad)
		if err != nil {
			t.Fatal(err)
		}
		for _, prompt := range []string{"", "tench, Tinca tinca", "a Golden retriever's ball no 12"} {
			a, errA := got.IDs(prompt)
			b, errB := want.IDs(prompt)
			if errA != nil || errB != nil || !slices.Equal(a, b) {
				t.Errorf("%q padded with %q: got %v, %v, want %v, %v", prompt, pad, a, errA, b, errB)
			}
		}
	}
}
