package weights

import (
	"fmt"
	"regexp"
	"slices"
)

// The fine-tuning of Minimax (Gu et al. 2024), from which IGD starts too, gives the first half of a DiT's blocks
// factors of the rows of their maps:
//
//	qkv(x)  ← attn.gamma1 ⊙ qkv(x)               attn.gamma1 [3D]
//	proj(x) ← gamma1 ⊙ attn.gamma2 ⊙ proj(x)     gamma1, attn.gamma2 [D]
//	fc2(x)  ← gamma2 ⊙ fc2(x)                    gamma2 [D]
//
// A factor of a map's rows, weight and bias alike, gives the same network without it.
var gammas = []struct{ factor, of string }{
	{"attn.gamma1", "attn.qkv"},
	{"attn.gamma2", "attn.proj"},
	{"gamma1", "attn.proj"},
	{"gamma2", "mlp.fc2"},
}

var gamma = regexp.MustCompile(`^(blocks\.\d+\.)((?:attn\.)?gamma[12])$`)

// inert matches what a program adds to DiT and never uses.
var inert = regexp.MustCompile(`^mode_embed(der|ding)?\.`)

// fold puts the factors of a fine-tuned DiT into the maps behind them, in float32 when these are converted, and returns
// how many there were. Factors that fit no map stay, and Set.Load names them.
func (s *Set) fold() (folded int, err error) {
	for _, name := range s.Names() {
		m := gamma.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		at := slices.IndexFunc(gammas, func(g struct{ factor, of string }) bool { return g.factor == m[2] })
		behind := m[1] + gammas[at].of
		shape, ok := s.Shape(name)
		rows, there := s.Shape(behind + ".weight")
		if !ok || !there || len(shape) != 1 || len(rows) != 2 || rows[0] != shape[0] {
			continue
		}
		factors, err := s.Float32s(name)
		if err != nil {
			return folded, err
		}
		if i := firstNotFinite(factors); i >= 0 {
			return folded, s.mismatch([]string{fmt.Sprintf("tensor %s: element %d is %v, want a finite number",
				s.named(name), i, factors[i])})
		}
		s.scale(behind+".weight", factors)
		if bias, ok := s.Shape(behind + ".bias"); ok && slices.Equal(bias, shape) {
			s.scale(behind+".bias", factors)
		}
		delete(s.parts, name)
		folded++
	}
	return folded, nil
}

// scale multiplies the rows of a tensor.
func (s *Set) scale(name string, factors []float32) {
	parts := slices.Clone(s.parts[name])
	for i := range parts {
		p := &parts[i]
		own := slices.Clone(factors[:p.Shape[0]])
		factors = factors[p.Shape[0]:]
		for j := range p.rows {
			own[j] *= p.rows[j]
		}
		p.rows = own
	}
	s.parts[name] = parts
}

// multiply multiplies the rows of the elements from the first on by the tensor's factors, if it has any.
func multiply[T float32 | float64](t Tensor, first int, elements []T) {
	if len(t.rows) == 0 || t.count() == 0 {
		return
	}
	width := t.count() / len(t.rows)
	for i := range elements {
		elements[i] *= T(t.rows[(first+i)/width])
	}
}
