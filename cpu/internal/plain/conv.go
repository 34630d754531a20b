package plain

import (
	"slices"

	"mgd3/cpu/internal/ir"
)

// conv sets, with input and kernel seen channels-last,
//
//	out[n, o…, c] = Σ input[n', o·stride + w·kernelDilation − padding, j + g·J] · kernel[w…, j, c]
//
// over the window positions w… that meet an element of the dilated input and over the J input
// channels of the kernel. Group g of the output channels reads group g of the input channels, or with batch
// groups the images of group g of the batch.
func (of[T]) conv(a ir.Conv, x, kernel, out ir.Tensor) {
	if isFloat[T]() {
		convIn[float64, T](a, x, kernel, out)
	} else {
		convIn[T, T](a, x, kernel, out)
	}
}

// convIn is conv with sums in A. Channels are the last axis of input and weights, and adjacent, so that each tap of the
// kernel is an inner product of `depth` numbers.
func convIn[A, T number](a ir.Conv, x, kernel, out ir.Tensor) {
	input, in := inOrder[T](x, slices.Concat([]int{a.Axes.InputBatch}, a.Axes.InputSpatial,
		[]int{a.Axes.InputChannels}))
	weights, w := inOrder[T](kernel, slices.Concat([]int{a.Axes.KernelOutputChannels}, a.Axes.KernelSpatial,
		[]int{a.Axes.KernelInputChannels}))
	to := dense(out.Dims()).on(slices.Concat([]int{a.Axes.OutputBatch}, a.Axes.OutputSpatial,
		[]int{a.Axes.OutputChannels})...)
	dst := out.Flat.([]T)

	rank := len(to.dims)
	images, channels, depth := to.dims[0], to.dims[rank-1], w.dims[rank-1]
	// depth is J. XLA allows one of the counts above 1; with batch groups the input has BatchGroupCount times as many
	// images as the output.
	perChannelGroup, perBatchGroup := channels/a.ChannelGroupCount, channels/a.BatchGroupCount
	spatial := to.on(axesFrom(1, rank-1)...).places()
	taps := kernelTaps(a, in, w, to)

	for image := range images {
		for o, place := range spatial {
			for c := range channels {
				// n' of the formula, and the first of the group's input channels
				batch := image + c/perBatchGroup*images
				from := batch*in.strides[0] + c/perChannelGroup*depth
				var sum A
				for _, t := range taps[o] {
					sum += inner[A](input[from+t.place:][:depth], weights[c*w.strides[0]+t.position:][:depth])
				}
				dst[place+image*to.strides[0]+c*to.strides[rank-1]] = T(sum)
			}
		}
	}
}

// inOrder returns x dense with its axes in the given order.
func inOrder[T number](x ir.Tensor, order []int) ([]T, view) {
	v := dense(x.Dims()).on(order...)
	if slices.IsSorted(order) {
		return x.Flat.([]T), v
	}
	permuted := like(x, v.dims)
	of[T]{}.copyFrom(permuted, x, v)
	return permuted.Flat.([]T), dense(v.dims)
}

// kernelTaps lists for each spatial place of the output where the elements under the kernel lie in an
// image of the input, and where their weights lie in the kernel of a channel.
func kernelTaps(a ir.Conv, in, w, to view) [][]tap {
	// One place with one tap is what a kernel without axes has; each axis multiplies both.
	taps := [][]tap{{{}}}
	for s := range a.Strides {
		axis := 1 + s
		along := tapsOf(to.dims[axis], in.dims[axis], in.strides[axis], w.dims[axis], a.Strides[s],
			a.KernelDilations[s],
			a.InputDilations[s], a.Paddings[s][0])
		var next [][]tap
		for _, outer := range taps {
			for _, here := range along {
				var both []tap
				for _, t := range outer {
					for _, u := range here {
						both = append(both, tap{t.place + u.place, t.position + u.position*w.strides[axis]})
					}
				}
				next = append(next, both)
			}
		}
		taps = next
	}
	return taps
}
