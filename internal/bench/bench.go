// Package bench is the loads that mgd3 is measured by, and the figures of a measurement.
//
// The loads have the names, shapes and random weights of the other programs they are measured
// beside (docs/benchmarks.md): the time does not depend on what the weights are.
package bench

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"mgd3/engine"
	"mgd3/stage/cost"
)

// Load is something to measure.
type Load struct {
	Name  string
	Batch int // items that one run makes
	// of one item in matrix products and convolutions, a multiply-add counted as two; 0 where there are none
	GFLOP float64
	Cores int  // that it may use; 0 is all
	Peak  bool // it does nothing but products, large ones: its speed is a device's peak
	Wide  bool // it computes in float32, whatever precision is asked for

	draws *model // whose latents it draws in so many steps; nil if it draws none
	steps int
	make  func(ctx context.Context, e *engine.Engine) (job, error)
}

// job is a load ready to run.
type job struct {
	run     func() error
	program *engine.Program // that does the work; nil where there is none
}

// Loads lists the loads for processors.
func Loads() []Load {
	return []Load{
		small.load(10, 1),
		small.load(10, 8),
		{Name: "vae_encode_256_b1", Batch: 1, GFLOP: encodeGFLOP, make: encoding},
		{Name: "vae_decode_256_b1", Batch: 1, GFLOP: decodeGFLOP, make: decoding},
		{Name: "convnet6_128_train_b32", Batch: 32, GFLOP: convnet6GFLOP, make: training(convnet6)},
		{Name: "resnetap10_128_train_b32", Batch: 32, GFLOP: resnetAP10GFLOP, make: training(resnetAP10)},
		{Name: "resnet18_128_train_b32", Batch: 32, GFLOP: resnet18GFLOP, make: training(resnet18)},
		{Name: "kmeans_1300x4096_k10", Batch: 1, Wide: true, make: clustering},
		{Name: "jpeg_500x375_to_256_b64", Batch: 64, Cores: 1, Wide: true, make: photographs},
		{Name: "matmul_1024", Batch: 1, GFLOP: 2 * 1.024 * 1.024 * 1.024, make: product(1024)},
		{Name: "matmul_2048", Batch: 1, GFLOP: 2 * 2.048 * 2.048 * 2.048, make: product(2048)},
	}
}

// Large lists the loads of DiT-XL/2 and of a GPU's speed, and their toys, and of text-to-image models. On two cores ten
// steps of one image take half a minute, fifty of 64 images more than an hour.
func Large() []Load {
	loads := []Load{
		{Name: "matmul_8192_x8", Batch: 1, GFLOP: chainGFLOP(8192), Peak: true, make: chain(8192)},
		{Name: "matmul_64_x8_toy", Batch: 1, GFLOP: chainGFLOP(64), Peak: true, make: chain(64)},
		xl.load(10, 1),
	}
	for _, n := range []int{1, 4, 8, 16, 32, 64} {
		loads = append(loads, xl.load(50, n))
	}
	for _, n := range []int{1, 4} {
		loads = append(loads, toy.load(50, n))
	}
	return append(loads, textLoads()...)
}

// Names lists the names of the loads for processors.
func Names() []string {
	var names []string
	for _, l := range Loads() {
		names = append(names, l.Name)
	}
	return names
}

// Find returns the loads of the given names, in their order; all for processors, if there are none.
func Find(names []string) ([]Load, error) {
	if len(names) == 0 {
		return Loads(), nil
	}
	var found []Load
	for _, name := range names {
		all := slices.Concat(Loads(), Large())
		i := slices.IndexFunc(all, func(l Load) bool { return l.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no load %q: have %v, and the large ones", name, Names())
		}
		found = append(found, all[i])
	}
	return found, nil
}

// Measure runs the load once to warm up and then repeat times on e, which has so many threads, and
// returns the median. explain, if not nil, is then given the program that did the work.
func (l Load) Measure(ctx context.Context, e *engine.Engine, threads, repeat int,
	explain func(*engine.Program) error) (Result, error) {
	debug.FreeOSMemory()
	if l.Cores > 0 {
		threads = min(threads, l.Cores)
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
	}
	resetPeak()
	j, err := l.prepare(ctx, e)
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w", l.Name, err)
	}
	if err := j.run(); err != nil {
		return Result{}, fmt.Errorf("%s: %w", l.Name, err)
	}
	times := make([]float64, repeat)
	for i := range times {
		if err := ctx.Err(); err != nil {
			return Result{}, err
		}
		start := time.Now()
		if err := j.run(); err != nil {
			return Result{}, fmt.Errorf("%s: %w", l.Name, err)
		}
		times[i] = time.Since(start).Seconds()
	}
	r := l.result(median(times))
	r.Threads, r.Backend, r.PeakMiB = threads, e.Name(), round(cost.PeakMiB(), 1)
	if explain != nil && j.program != nil {
		err = explain(j.program)
	}
	return r, err
}

// prepare makes the load, and clears up behind itself: the weights' copies on the host would count as memory.
func (l Load) prepare(ctx context.Context, e *engine.Engine) (job, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	return l.make(ctx, e)
}

// median is the upper one of an even number, as the other programs take it.
func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}
