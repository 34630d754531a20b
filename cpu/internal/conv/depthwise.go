package conv

import "mgd3/cpu/internal/kernel"

// depthwise is the convolution with one channel in each group. A task is a row of outputs.
type depthwise struct {
	g    Geometry
	k    KernelLayout
	h, w axis
}

func newDepthwise(g Geometry, k KernelLayout) *depthwise {
	return &depthwise{g: g, k: k,
		h: newAxis(g.OutH, g.KH, g.StrideH, g.PadTop, g.InDilH, g.KerDilH),
		w: newAxis(g.OutW, g.KW, g.StrideW, g.PadLeft, g.InDilW, g.KerDilW)}
}

func (d *depthwise) name() string    { return "depthwise" }
func (d *depthwise) packed() int     { return d.g.kernelLen() }
func (d *depthwise) packTasks() int  { return 1 }
func (d *depthwise) scratch(int) int { return 0 }
func (d *depthwise) steps() int      { return 1 }
func (d *depthwise) tasks(int) int   { return d.g.Batch * d.g.OutH }

// pack makes [kh, kw, C].
func (d *depthwise) pack(dst, k, _ []float32, _ int) {
	for h := range d.g.KH {
		for w := range d.g.KW {
			for c := range d.g.OutC {
				dst[(h*d.g.KW+w)*d.g.OutC+c] = k[d.k.Base+c*d.k.Out+h*d.k.H+w*d.k.W]
			}
		}
	}
}

func (d *depthwise) run(r *forwardRun, _, part, _ int) (lo, hi int) {
	g := &d.g
	image, row := part/g.OutH, part%g.OutH
	x := r.x[image*g.InH*g.InW*g.InC:]
	for col := range g.OutW {
		y := r.y[(part*g.OutW+col)*g.OutC:][:g.OutC]
		clear(y)
		for _, th := range d.h.phases[row%d.h.period] {
			h := row/d.h.period*d.h.step + th.at
			if h < 0 || h >= g.InH {
				continue
			}
			for _, tw := range d.w.phases[col%d.w.period] {
				w := col/d.w.period*d.w.step + tw.at
				if w < 0 || w >= g.InW {
					continue
				}
				kernel.MulAdd(y, x[(h*g.InW+w)*g.InC:], r.packed[(th.k*g.KW+tw.k)*g.OutC:], y)
			}
		}
	}
	return part * g.OutW, (part + 1) * g.OutW
}
