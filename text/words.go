package text

import "strings"

// apart are what the pattern takes as one word before all else.
var apart = []string{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}

// marks are the names of the first and the last token where they are part of the text after all, in capitals say: three
// words each, of the second pattern that the reference has.
var marks = map[string][]string{
	"<|startoftext|>": {"<|", "startoftext", "|>"},
	"<|endoftext|>":   {"<|", "endoftext", "|>"},
}

// words cuts a text in its normal form by the pattern
//
//	<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+
func words(s string) []string {
	var list []string
next:
	for s != "" {
		for mark, parts := range marks {
			if strings.HasPrefix(s, mark) {
				list, s = append(list, parts...), s[len(mark):]
				continue next
			}
		}
		for _, a := range apart {
			if strings.HasPrefix(s, a) {
				list, s = append(list, a), s[len(a):]
				continue next
			}
		}
		n, of := 0, space
		for i, r := range s {
			k := kindOf(r)
			if i == 0 {
				of = k
			} else if k != of || k == number {
				break
			}
			n = i + len(string(r))
		}
		if of != space {
			list = append(list, s[:n])
		}
		s = s[n:]
	}
	return list
}
