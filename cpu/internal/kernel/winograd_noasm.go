//go:build !amd64 || purego

package kernel

// Input sets dst = Bᵀ d B, n×n vectors at equal steps, of the n×n inputs d in a table.
func (w *Winograd) Input(dst *float32, dstStep int, src **float32, srcFrom int, tmp *WinogradTemp, channels int) {
	transformGeneric(w.bt, steps(dst, dstStep), pointers(src, srcFrom), channels)
}

// Output sets the m×m outputs Y = Aᵀ M A in the table dst.
func (w *Winograd) Output(dst **float32, dstFrom int, src *float32, srcStep int, tmp *WinogradTemp, channels int) {
	transformGeneric(w.at, pointers(dst, dstFrom), steps(src, srcStep), channels)
}

// Grad sets dst = A ∂Y Aᵀ, n×n vectors, of the m×m gradients ∂Y in a table.
func (w *Winograd) Grad(dst *float32, dstStep int, src **float32, srcFrom int, tmp *WinogradTemp, channels int) {
	transformGeneric(w.a, steps(dst, dstStep), pointers(src, srcFrom), channels)
}

// Kernel sets dst = G g Gᵀ, n×n vectors, of the 3×3 kernel src.
func (w *Winograd) Kernel(dst *float32, dstStep int, src *float32, srcStep int, tmp *WinogradTemp, channels int) {
	transformGeneric(w.g, steps(dst, dstStep), steps(src, srcStep), channels)
}

// KernelGrad sets the 3×3 vectors dst = Gᵀ M G.
func (w *Winograd) KernelGrad(dst *float32, dstStep int, src *float32, srcStep int, tmp *WinogradTemp, channels int) {
	transformGeneric(w.gt, steps(dst, dstStep), steps(src, srcStep), channels)
}
