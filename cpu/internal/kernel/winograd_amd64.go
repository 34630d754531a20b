//go:build !purego

package kernel

//go:generate go run -C _asm ./conv -pkg kernel -out ../winograd_amd64.s -stubs ../winograd_stubs_amd64.go

// convLevel is the level that the kernels of convolutions and pools use, at most AVX512.
var convLevel Level

func init() { OnLevel(func(l Level) { convLevel = min(l, AVX512) }) }

// Input sets dst = Bᵀ d B, n×n vectors at equal steps, of the n×n inputs d in a table.
func (w *Winograd) Input(dst *float32, dstStep int, src **float32, srcFrom int, tmp *WinogradTemp, channels int) {
	switch {
	case convLevel == AVX512 && w.M == 4:
		winogradInput4AVX512(dst, dstStep, src, srcFrom, &tmp[0], &w.coef[0], channels)
	case convLevel == AVX512 && w.M == 2:
		winogradInput2AVX512(dst, dstStep, src, srcFrom, &tmp[0], &w.coef[0], channels)
	case convLevel == AVX2 && w.M == 4:
		winogradInput4AVX2(dst, dstStep, src, srcFrom, &tmp[0], &w.coef[0], channels)
	case convLevel == AVX2 && w.M == 2:
		winogradInput2AVX2(dst, dstStep, src, srcFrom, &tmp[0], &w.coef[0], channels)
	default:
		transformGeneric(w.bt, steps(dst, dstStep), pointers(src, srcFrom), channels)
	}
}

// Output sets the m×m outputs Y = Aᵀ M A in the table dst.
func (w *Winograd) Output(dst **float32, dstFrom int, src *float32, srcStep int, tmp *WinogradTemp, channels int) {
	switch {
	case convLevel == AVX512 && w.M == 4:
		winogradOutput4AVX512(dst, dstFrom, src, srcStep, &tmp[0], &w.coef[0], channels)
	case convLevel == AVX512 && w.M == 2:
		winogradOutput2AVX512(dst, dstFrom, src, srcStep, &tmp[0], &w.coef[0], channels)
	case convLevel == AVX2 && w.M == 4:
		winogradOutput4AVX2(dst, dstFrom, src, srcStep, &tmp[0], &w.coef[0], channels)
	case convLevel == AVX2 && w.M == 2:
		winogradOutput2AVX2(dst, dstFrom, src, srcStep, &tmp[0], &w.coef[0], channels)
	default:
		transformGeneric(w.at, pointers(dst, dstFrom), steps(src, srcStep), channels)
	}
}

// Grad sets dst = A ∂Y Aᵀ, n×n vectors, of the m×m gradients ∂Y in a table.
func (w *Winograd) Grad(dst *float32, dstStep int, src **float32, srcFrom int, tmp *WinogradTemp, channels int) {
	switch {
	case convLevel == AVX512 && w.M == 4:
		winogradGrad4AVX512(dst, dstStep, src, srcFrom, &tmp[0], &w.coef[0], channels)
	case convLevel == AVX512 && w.M == 2:
		winogradGrad2AVX512(dst, dstStep, src, srcFrom, &tmp[0], &w.coef[0], channels)
	case convLevel == AVX2 && w.M == 4:
		winogradGrad4AVX2(dst, dstStep, src, srcFrom, &tmp[0], &w.coef[0], channels)
	case convLevel == AVX2 && w.M == 2:
		winogradGrad2AVX2(dst, dstStep, src, srcFrom, &tmp[0], &w.coef[0], channels)
	default:
		transformGeneric(w.a, steps(dst, dstStep), pointers(src, srcFrom), channels)
	}
}

// Kernel sets dst = G g Gᵀ, n×n vectors, of the 3×3 kernel src.
func (w *Winograd) Kernel(dst *float32, dstStep int, src *float32, srcStep int, tmp *WinogradTemp, channels int) {
	switch {
	case convLevel == AVX512 && w.M == 4:
		winogradKernel4AVX512(dst, dstStep, src, srcStep, &tmp[0], &w.coef[0], channels)
	case convLevel == AVX512 && w.M == 2:
		winogradKernel2AVX512(dst, dstStep, src, srcStep, &tmp[0], &w.coef[0], channels)
	case convLevel == AVX2 && w.M == 4:
		winogradKernel4AVX2(dst, dstStep, src, srcStep, &tmp[0], &w.coef[0], channels)
	case convLevel == AVX2 && w.M == 2:
		winogradKernel2AVX2(dst, dstStep, src, srcStep, &tmp[0], &w.coef[0], channels)
	default:
		transformGeneric(w.g, steps(dst, dstStep), steps(src, srcStep), channels)
	}
}

// KernelGrad sets the 3×3 vectors dst = Gᵀ M G.
func (w *Winograd) KernelGrad(dst *float32, dstStep int, src *float32, srcStep int, tmp *WinogradTemp, channels int) {
	switch {
	case convLevel == AVX512 && w.M == 4:
		winogradKernelGrad4AVX512(dst, dstStep, src, srcStep, &tmp[0], &w.coef[0], channels)
	case convLevel == AVX512 && w.M == 2:
		winogradKernelGrad2AVX512(dst, dstStep, src, srcStep, &tmp[0], &w.coef[0], channels)
	case convLevel == AVX2 && w.M == 4:
		winogradKernelGrad4AVX2(dst, dstStep, src, srcStep, &tmp[0], &w.coef[0], channels)
	case convLevel == AVX2 && w.M == 2:
		winogradKernelGrad2AVX2(dst, dstStep, src, srcStep, &tmp[0], &w.coef[0], channels)
	default:
		transformGeneric(w.gt, steps(dst, dstStep), steps(src, srcStep), channels)
	}
}
