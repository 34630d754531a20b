package kernel

import "unsafe"

// place is where the vectors of a tile are: at equal steps, or in a table.
type place struct {
	base  *float32
	step  int
	table **float32
	from  int
}

func steps(base *float32, step int) place      { return place{base: base, step: step} }
func pointers(table **float32, from int) place { return place{table: table, from: from} }
func (p place) vector(i, channel int) *float32 {
	if p.table != nil {
		return at(unsafe.Slice(p.table, i+1)[i], p.from+channel)
	}
	return at(p.base, i*p.step+channel)
}

// transformGeneric sets Y = L·X·Lᵀ for each of n channels; L is [rows, cols], or its transpose is.
func transformGeneric(l [][]float32, dst, src place, n int) {
	rows, cols := len(l), len(l[0])
	var x, t [36]float32
	for c := range n {
		for i := range cols * cols {
			x[i] = *src.vector(i, c)
		}
		for r := range rows {
			for s := range cols {
				sum := float32(0)
				for k, v := range l[r] {
					sum += v * x[k*cols+s]
				}
				t[r*cols+s] = sum
			}
		}
		for r := range rows {
			for s := range rows {
				sum := float32(0)
				for k, v := range l[s] {
					sum += v * t[r*cols+k]
				}
				*dst.vector(r*rows+s, c) = sum
			}
		}
	}
}
