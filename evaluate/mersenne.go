package evaluate

// mersenne is the generator MT19937 of Matsumoto and Nishimura 1998, which PyTorch's on the CPU is: the order in which
// SRe2L's programs go through the images is not stored, but drawn from seed 42 by everybody anew.
type mersenne struct {
	state [624]uint32
	at    int
}

// newMersenne is torch.Generator().manual_seed(seed).
func newMersenne(seed uint32) *mersenne {
	m := &mersenne{at: 624}
	m.state[0] = seed
	for i := 1; i < len(m.state); i++ {
		m.state[i] = 1812433253*(m.state[i-1]^m.state[i-1]>>30) + uint32(i)
	}
	return m
}

func (m *mersenne) next() uint32 {
	if m.at == len(m.state) {
		for i := range m.state {
			y := m.state[i]&0x80000000 | m.state[(i+1)%624]&0x7fffffff
			m.state[i] = m.state[(i+397)%624] ^ y>>1 ^ y&1*0x9908b0df
		}
		m.at = 0
	}
	y := m.state[m.at]
	m.at++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// perm is torch.randperm(n, generator=m).
func (m *mersenne) perm(n int) []int {
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	for i := range max(0, n-1) {
		j := i + int(m.next())%(n-i)
		p[i], p[j] = p[j], p[i]
	}
	return p
}
