package text

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// The reference (tokenizers 0.23.3) knows three versions of Unicode at once: 9 for the normal form, 16 for letters and
// numbers, 17 for lower case; Go 1.26 and x/text know 15. The tables below hold what differs; TestEveryCodePoint pins
// that nothing else does, and TestTokens in internal/clients holds it against the reference itself.

// letters are the letters of Unicode 16 that Go does not know.
var letters = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x1C89, Hi: 0x1C8A, Stride: 1}, {Lo: 0xA7CB, Hi: 0xA7CD, Stride: 1}, {Lo: 0xA7DA, Hi: 0xA7DC, Stride: 1},
	},
	R32: []unicode.Range32{
		{Lo: 0x105C0, Hi: 0x105F3, Stride: 1}, {Lo: 0x10D4A, Hi: 0x10D65, Stride: 1},
		{Lo: 0x10D6F, Hi: 0x10D85, Stride: 1},
		{Lo: 0x10EC2, Hi: 0x10EC4, Stride: 1}, {Lo: 0x11380, Hi: 0x11389, Stride: 1},
		{Lo: 0x1138B, Hi: 0x1138B, Stride: 1},
		{Lo: 0x1138E, Hi: 0x1138E, Stride: 1}, {Lo: 0x11390, Hi: 0x113B5, Stride: 1},
		{Lo: 0x113B7, Hi: 0x113B7, Stride: 1},
		{Lo: 0x113D1, Hi: 0x113D1, Stride: 1}, {Lo: 0x113D3, Hi: 0x113D3, Stride: 1},
		{Lo: 0x11BC0, Hi: 0x11BE0, Stride: 1},
		{Lo: 0x13460, Hi: 0x143FA, Stride: 1}, {Lo: 0x16100, Hi: 0x1611D, Stride: 1},
		{Lo: 0x16D40, Hi: 0x16D6C, Stride: 1},
		{Lo: 0x18CFF, Hi: 0x18CFF, Stride: 1}, {Lo: 0x1E5D0, Hi: 0x1E5ED, Stride: 1},
		{Lo: 0x1E5F0, Hi: 0x1E5F0, Stride: 1},
		{Lo: 0x2EBF0, Hi: 0x2EE5D, Stride: 1},
	},
}

// numbers are the numbers of Unicode 16 that Go does not know.
var numbers = &unicode.RangeTable{
	R32: []unicode.Range32{
		{Lo: 0x10D40, Hi: 0x10D49, Stride: 1}, {Lo: 0x116D0, Hi: 0x116E3, Stride: 1},
		{Lo: 0x11BF0, Hi: 0x11BF9, Stride: 1},
		{Lo: 0x16130, Hi: 0x16139, Stride: 1}, {Lo: 0x16D70, Hi: 0x16D79, Stride: 1},
		{Lo: 0x1CCF0, Hi: 0x1CCF9, Stride: 1},
		{Lo: 0x1E5F1, Hi: 0x1E5FA, Stride: 1},
	},
}

// capitals are the letters of Unicode 17 whose lower case Go does not know: first, last, and the way to it.
var capitals = [][3]rune{
	{0x1C89, 0x1C89, 1}, {0xA7CB, 0xA7CB, -42343}, {0xA7CC, 0xA7CC, 1}, {0xA7CE, 0xA7CE, 1}, {0xA7D2, 0xA7D2, 1},
	{0xA7D4, 0xA7D4, 1}, {0xA7DA, 0xA7DA, 1}, {0xA7DC, 0xA7DC, -42561}, {0x10D50, 0x10D65, 32}, {0x16EA0, 0x16EB8, 27},
}

// unmoved are the marks that came after Unicode 9, and the one letter since then that is made of two: the reference
// leaves them where they are and puts them together with nothing.
var unmoved = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x07FD, Hi: 0x07FD, Stride: 1}, {Lo: 0x0898, Hi: 0x089F, Stride: 1}, {Lo: 0x08CA, Hi: 0x08D3, Stride: 1},
		{Lo: 0x09FE, Hi: 0x09FE, Stride: 1}, {Lo: 0x0C3C, Hi: 0x0C3C, Stride: 1}, {Lo: 0x0D3B, Hi: 0x0D3C, Stride: 1},
		{Lo: 0x0EBA, Hi: 0x0EBA, Stride: 1}, {Lo: 0x1715, Hi: 0x1715, Stride: 1}, {Lo: 0x1ABF, Hi: 0x1ACE, Stride: 1},
		{Lo: 0x1DF6, Hi: 0x1DFA, Stride: 1}, {Lo: 0xA82C, Hi: 0xA82C, Stride: 1},
	},
	R32: []unicode.Range32{
		{Lo: 0x10D24, Hi: 0x10D27, Stride: 1}, {Lo: 0x10EAB, Hi: 0x10EAC, Stride: 1},
		{Lo: 0x10EFD, Hi: 0x10EFF, Stride: 1},
		{Lo: 0x10F46, Hi: 0x10F50, Stride: 1}, {Lo: 0x10F82, Hi: 0x10F85, Stride: 1},
		{Lo: 0x11070, Hi: 0x11070, Stride: 1},
		{Lo: 0x1133B, Hi: 0x1133B, Stride: 1}, {Lo: 0x1145E, Hi: 0x1145E, Stride: 1},
		{Lo: 0x11839, Hi: 0x1183A, Stride: 1},
		{Lo: 0x11930, Hi: 0x11930, Stride: 1}, {Lo: 0x11938, Hi: 0x11938, Stride: 1},
		{Lo: 0x1193D, Hi: 0x1193E, Stride: 1},
		{Lo: 0x11943, Hi: 0x11943, Stride: 1}, {Lo: 0x119E0, Hi: 0x119E0, Stride: 1},
		{Lo: 0x11A34, Hi: 0x11A34, Stride: 1},
		{Lo: 0x11A47, Hi: 0x11A47, Stride: 1}, {Lo: 0x11A99, Hi: 0x11A99, Stride: 1},
		{Lo: 0x11D42, Hi: 0x11D42, Stride: 1},
		{Lo: 0x11D44, Hi: 0x11D45, Stride: 1}, {Lo: 0x11D97, Hi: 0x11D97, Stride: 1},
		{Lo: 0x11F41, Hi: 0x11F42, Stride: 1},
		{Lo: 0x16FF0, Hi: 0x16FF1, Stride: 1}, {Lo: 0x1E08F, Hi: 0x1E08F, Stride: 1},
		{Lo: 0x1E130, Hi: 0x1E136, Stride: 1},
		{Lo: 0x1E2AE, Hi: 0x1E2AE, Stride: 1}, {Lo: 0x1E2EC, Hi: 0x1E2EF, Stride: 1},
		{Lo: 0x1E4EC, Hi: 0x1E4EF, Stride: 1},
	},
}

// normal returns s in the normal form C and in lower case, letter by letter.
func normal(s string) string {
	var b strings.Builder
	for s != "" {
		i := strings.IndexFunc(s, func(r rune) bool { return unicode.Is(unmoved, r) })
		if i < 0 {
			i = len(s)
		}
		for _, r := range norm.NFC.String(s[:i]) {
			writeLower(&b, r)
		}
		s = s[i:]
		for _, r := range s { // the one that is not moved
			writeLower(&b, r)
			s = s[len(string(r)):]
			break
		}
	}
	return b.String()
}

func writeLower(b *strings.Builder, r rune) {
	if r == 'İ' { // the one letter whose lower case is two
		b.WriteString("i̇")
		return
	}
	for _, c := range capitals {
		if c[0] <= r && r <= c[1] {
			b.WriteRune(r + c[2])
			return
		}
	}
	b.WriteRune(unicode.ToLower(r))
}

// kind is what the pattern of words tells apart.
type kind int

const (
	space  kind = iota // \s
	letter             // \p{L}
	number             // \p{N}
	other              // [^\s\p{L}\p{N}]
)

func kindOf(r rune) kind {
	switch {
	case unicode.IsLetter(r) || unicode.Is(letters, r):
		return letter
	case unicode.In(r, unicode.N, numbers):
		return number
	case unicode.IsSpace(r):
		return space
	}
	return other
}
