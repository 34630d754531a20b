package cpu

import (
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/compute/support/testutil"
)

// closure builds a closure that returns what body makes of its parameters.
func closure(t *testing.T, f compute.Function, body func(f compute.Function, p []compute.Value) compute.Value,
	params ...shapes.Shape) compute.Function {
	t.Helper()
	c, err := f.Closure()
	if err != nil {
		t.Fatal(err)
	}
	var values []compute.Value
	for _, shape := range params {
		values = append(values, testutil.Must1(c.Parameter("p", shape, nil)))
	}
	testutil.Must(c.Return([]compute.Value{body(c, values)}, nil))
	return c
}

func TestControlFlow(t *testing.T) {
	f32, i32 := shapes.Make(dtypes.Float32), shapes.Make(dtypes.Int32)
	for _, c := range []struct {
		name  string
		in    []any
		build func(f compute.Function, p []compute.Value) []compute.Value
		want  []any
	}{
		{"if with captured values, of the function around the one around", []any{true, float32(3), float32(4)},
			func(f compute.Function, p []compute.Value) []compute.Value {
				return testutil.Must1(f.If(p[0],
					closure(t, f, func(g compute.Function, _ []compute.Value) compute.Value {
						return testutil.Must1(g.If(p[0],
							closure(t, g, func(h compute.Function,
								_ []compute.Value) compute.Value {
								return testutil.Must1(h.Mul(p[1], p[2]))
							}),
							closure(t, g, func(h compute.Function,
								_ []compute.Value) compute.Value {
								return testutil.Must1(h.Neg(p[2]))
							})))[0]
					}),
					closure(t, f, func(g compute.Function,
						_ []compute.Value) compute.Value {
						return testutil.Must1(g.Neg(p[1]))
					})))
			}, []any{float32(12)}},
		{"else", []any{false, float32(3), float32(4)},
			func(f compute.Function, p []compute.Value) []compute.Value {
				return testutil.Must1(f.If(p[0],
					closure(t, f, func(g compute.Function,
						_ []compute.Value) compute.Value {
						return testutil.Must1(g.Mul(p[1], p[2]))
					}),
					closure(t, f, func(g compute.Function,
						_ []compute.Value) compute.Value {
						return testutil.Must1(g.Neg(p[2]))
					})))
			}, []any{float32(-4)}},
		{"while x < limit: x = 2x", []any{float32(1), float32(100)},
			func(f compute.Function, p []compute.Value) []compute.Value {
				return testutil.Must1(f.While(
					closure(t, f, func(g compute.Function, s []compute.Value) compute.Value {
						return testutil.Must1(g.LessThan(s[0], p[1]))
					}, f32),
					closure(t, f, func(g compute.Function,
						s []compute.Value) compute.Value {
						return testutil.Must1(g.Add(s[0], s[0]))
					}, f32),
					p[0]))
			}, []any{float32(128)}},
		{"while never", []any{float32(1), float32(0)},
			func(f compute.Function, p []compute.Value) []compute.Value {
				out := testutil.Must1(f.While(
					closure(t, f, func(g compute.Function, s []compute.Value) compute.Value {
						return testutil.Must1(g.LessThan(s[0], p[1]))
					}, f32),
					closure(t, f, func(g compute.Function,
						s []compute.Value) compute.Value {
						return testutil.Must1(g.Add(s[0], s[0]))
					}, f32),
					p[0]))
				return append(out, p[0])
			}, []any{float32(1), float32(1)}},
		{"call twice", []any{float32(3)},
			func(f compute.Function, p []compute.Value) []compute.Value {
				square := testutil.Must1(f.Builder().NewFunction("square"))
				x := testutil.Must1(square.Parameter("x", f32, nil))
				testutil.Must(square.Return([]compute.Value{testutil.Must1(square.Mul(x, x)), x}, nil))
				once := testutil.Must1(f.Call(square, p[0]))
				return append(testutil.Must1(f.Call(square, once[0])), once[1])
			}, []any{float32(81), float32(9), float32(3)}},
		{"sort pairs by the first, stably", []any{[][]float32{{3, 1, 2}, {1, 0, 1}}, [][]int32{{0, 1, 2}, {3, 4, 5}}},
			func(f compute.Function, p []compute.Value) []compute.Value {
				less := closure(t, f, func(g compute.Function, q []compute.Value) compute.Value {
					return testutil.Must1(g.LessThan(q[0], q[1]))
				}, f32, f32, i32, i32)
				return testutil.Must1(f.Sort(less, 1, true, p...))
			}, []any{[][]float32{{1, 2, 3}, {0, 1, 1}}, [][]int32{{1, 2, 0}, {4, 3, 5}}}},
		{"sort along the first axis by a captured sign", []any{[][]float32{{3, 1}, {1, 0}, {2, 5}}, float32(-1)},
			func(f compute.Function, p []compute.Value) []compute.Value {
				less := closure(t, f, func(g compute.Function, q []compute.Value) compute.Value {
					return testutil.Must1(g.LessThan(testutil.Must1(g.Mul(q[0], p[1])),
						testutil.Must1(g.Mul(q[1], p[1]))))
				}, f32, f32)
				return testutil.Must1(f.Sort(less, 0, false, p[0]))
			}, []any{[][]float32{{3, 5}, {2, 1}, {1, 0}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := testutil.Exec(newBackend(t, ""), c.in,
				func(f compute.Function, p []compute.Value) ([]compute.Value, error) {
					return c.build(f, p), nil
				})
			if err != nil {
				t.Fatal(err)
			}
			if ok, diff := testutil.IsEqual(c.want, got); !ok {
				t.Error(diff)
			}
		})
	}
}
