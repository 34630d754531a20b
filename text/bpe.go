package text

import "math"

// pair is two tokens side by side.
type pair struct{ left, right int32 }

// merge is what a pair becomes.
type merge struct {
	rank  int // those of lower rank come first
	token int32
}

// pieces is a byte-pair vocabulary (Sennrich et al. 2016, section 3.2): every byte is a letter, the last of a word ends
// in </w>, and pairs are put together in the order of their ranks.
type pieces struct {
	id      map[string]int32
	merges  map[pair]merge
	unknown int32 // for a byte that has no token
}

// end marks the last piece of a word.
const end = "</w>"

// letterOf has the letter that stands for each byte: printable ones of Latin-1 for themselves, the others from U+0100
// on.
var letterOf = func() (letters [256]string) {
	next := rune(256)
	for b := range letters {
		r := rune(b)
		if r < '!' || r > '~' && r < '¡' || r == 0xAD {
			r = next
			next++
		}
		letters[b] = string(r)
	}
	return letters
}()

// word appends the tokens of a word.
func (p *pieces) word(tokens []int32, word string) []int32 {
	symbols := make([]int32, len(word))
	for i := range len(word) {
		name := letterOf[word[i]]
		if i == len(word)-1 {
			name += end
		}
		id, ok := p.id[name]
		if !ok {
			id = p.unknown
		}
		symbols[i] = id
	}
	ranks := make([]int, len(symbols)) // of the pair that begins at i
	rank := func(i int) int {
		if i+1 < len(symbols) {
			if m, ok := p.merges[pair{symbols[i], symbols[i+1]}]; ok {
				return m.rank
			}
		}
		return math.MaxInt
	}
	for i := range ranks {
		ranks[i] = rank(i)
	}
	for {
		best := 0
		for i, r := range ranks {
			if r < ranks[best] {
				best = i
			}
		}
		if ranks[best] == math.MaxInt {
			return append(tokens, symbols...)
		}
		symbols[best] = p.merges[pair{symbols[best], symbols[best+1]}].token
		symbols = append(symbols[:best+1], symbols[best+2:]...)
		ranks = append(ranks[:best+1], ranks[best+2:]...)
		ranks[best] = rank(best)
		if best > 0 {
			ranks[best-1] = rank(best - 1)
		}
	}
}
