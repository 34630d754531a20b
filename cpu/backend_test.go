package cpu

import (
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/compute/support/backendtest"

	"mgd3/cpu/internal/kernel"
	"mgd3/cpu/internal/memory"
)

func newBackend(t testing.TB, config string) *Backend {
	t.Helper()
	level := kernel.Current()
	b, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.Finalize()
		kernel.SetLevel(level)
	})
	return b.(*Backend)
}

// TestBackendSuite is the suite of the interface, whose order of operations is the interface's.
func TestBackendSuite(t *testing.T) {
	for _, level := range kernel.Levels() {
		t.Run(level.String(), func(t *testing.T) {
			backendtest.RunAll(t, newBackend(t, "isa="+level.String()), nil)
		})
	}
	t.Run("plain", func(t *testing.T) { backendtest.RunAll(t, newBackend(t, "plain"), nil) })
}

// skippable are the tests of the suite that may be skipped: we have no dynamic shapes.
var skippable = []string{
	"BinaryOps/Add/DynamicShapesBroadcasting",
	"SpecialOps/DynamicReshape",
	"SpecialOps/DynamicBroadcastInDim",
	"SpecialOps/DynamicIota",
	"SpecialOps/DynamicPad",
	"SpecialOps/Reduce/DynamicShapeReduction",
	"SpecialOps/Concatenate/DynamicNonConcatAxis",
	"SpecialOps/Slice/DynamicShapeFullAxis",
}

// A test cannot see which tests below it were skipped, so this one runs the suite as a process and reads what it says.
func TestBackendSuiteSkipsNothingElse(t *testing.T) {
	const suite = "TestBackendSuite/generic/"
	out, err := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBackendSuite$/^generic$",
		"-test.v").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var skipped []string
	for _, found := range regexp.MustCompile(`--- (SKIP|PASS): `+suite+`(\S+)`).FindAllStringSubmatch(string(out), -1) {
		if found[1] == "SKIP" {
			skipped = append(skipped, found[2])
		}
	}
	if !strings.Contains(string(out), "--- PASS: "+suite+"DotGeneral") {
		t.Errorf("the suite did not run:\n%s", out)
	}
	if !slices.Equal(skipped, skippable) {
		t.Errorf("skipped %q, want only %q", skipped, skippable)
	}
}

// needed are the operations of mgd3: its networks, their training, and what the graph library makes of them.
var needed = []compute.OpType{
	compute.OpTypeParameter, compute.OpTypeConstant, compute.OpTypeIdentity,
	compute.OpTypeAbs, compute.OpTypeCos, compute.OpTypeErf, compute.OpTypeExp, compute.OpTypeLog, compute.OpTypeLog1p,
	compute.OpTypeLogistic, compute.OpTypeNeg, compute.OpTypeRsqrt, compute.OpTypeSign, compute.OpTypeSin,
	compute.OpTypeSqrt,
	compute.OpTypeTanh, compute.OpTypeFloor, compute.OpTypeRound, compute.OpTypeIsFinite, compute.OpTypeIsNaN,
	compute.OpTypeAdd, compute.OpTypeSub, compute.OpTypeMul, compute.OpTypeDiv, compute.OpTypeMax, compute.OpTypeMin,
	compute.OpTypePow,
	compute.OpTypeEqual, compute.OpTypeNotEqual, compute.OpTypeLessThan, compute.OpTypeLessOrEqual,
	compute.OpTypeGreaterThan,
	compute.OpTypeGreaterOrEqual, compute.OpTypeLogicalAnd, compute.OpTypeLogicalOr, compute.OpTypeLogicalNot,
	compute.OpTypeWhere,
	compute.OpTypeClamp, compute.OpTypeConvertDType, compute.OpTypeBroadcastInDim, compute.OpTypeConcatenate,
	compute.OpTypeIota,
	compute.OpTypePad, compute.OpTypeReshape, compute.OpTypeReverse, compute.OpTypeSlice, compute.OpTypeTranspose,
	compute.OpTypeReduceSum, compute.OpTypeReduceMax, compute.OpTypeReduceMin, compute.OpTypeArgMinMax,
	compute.OpTypeReduceWindow,
	compute.OpTypeSelectAndScatterMax, compute.OpTypeDotGeneral, compute.OpTypeConvGeneral, compute.OpTypeGather,
	compute.OpTypeScatterSum,
	compute.OpTypeRNGBitGenerator, compute.OpTypeBitcast, compute.OpTypeShiftRightLogical, compute.OpTypeBitwiseOr,
	compute.OpTypeFusedSoftmax, compute.OpTypeFusedLayerNorm, compute.OpTypeFusedGelu, compute.OpTypeFusedDense,
	compute.OpTypeFusedScaledDotProductAttention, compute.OpTypeFusedScaledDotProductAttentionVJP,
}

func TestCapabilities(t *testing.T) {
	have := newBackend(t, "").Capabilities()
	for _, op := range needed {
		if !have.Operations[op] {
			t.Errorf("%s is missing", op)
		}
	}
	for _, dtype := range []dtypes.DType{dtypes.Bool, dtypes.Uint8, dtypes.Int32, dtypes.Int64, dtypes.Float32,
		dtypes.Float64, dtypes.BFloat16} {
		if !have.DTypes[dtype] {
			t.Errorf("%s is missing", dtype)
		}
	}
	have.Operations[compute.OpTypeAdd] = false
	if !capabilities.Operations[compute.OpTypeAdd] {
		t.Error("callers can change what we are capable of")
	}
}

func TestConfig(t *testing.T) {
	b := newBackend(t, "threads=3,isa=generic")
	if b.team.Size() != 3 || kernel.Current() != kernel.Generic {
		t.Errorf("have %s", b.Description())
	}
	for config, want := range map[string]string{
		"threads=0":          `option "threads=0": want a number of threads`,
		"threads=many":       `option "threads=many": want a number of threads`,
		"copies=-1":          `option "copies=-1": want a number of MiB`,
		"isa=sse":            `option "isa=sse": this machine and build have [generic`,
		"pairs=yes":          `option "pairs=yes": want pairs=on or pairs=off`,
		"thread=2":           `option "thread=2" is not known: have threads=N, isa=NAME, copies=MIB, pairs=on or `,
		"threads=1,parallel": `option "parallel" is not known`,
	} {
		if _, err := New(config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New(%q): %v, want %s", config, err, want)
		}
	}
	if _, err := compute.NewWithConfig("cpu:threads=0"); err == nil {
		t.Error("the backend is not registered, or does not get its options")
	}
}

func TestNothingIsLeftAfterFinalize(t *testing.T) {
	before := runtime.NumGoroutine()
	b := newBackend(t, "threads=7")
	b.team.For(100, func(int, int) { time.Sleep(time.Microsecond) })
	b.Finalize()
	b.Finalize() // once more does nothing
	for try := 0; runtime.NumGoroutine() > before; try++ {
		if try == 1000 {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
		time.Sleep(time.Millisecond)
	}
	if !b.IsFinalized() {
		t.Error("the backend does not say that it is finalized")
	}
}

func TestUseAfterFinalize(t *testing.T) {
	b := newBackend(t, "")
	f := b.Builder("late").Main()
	shape := shapes.Make(dtypes.Float32, 2)
	x, _ := f.Parameter("x", shape, nil)
	exe := compiled(t, b, func(f compute.Function) []compute.Value {
		x, _ := f.Parameter("x", shape, nil)
		return []compute.Value{x}
	})
	buffer := upload(t, b, []float32{1, 2})
	b.Finalize()

	_, err := f.Neg(x)
	wantError(t, err, "Neg: the backend \"cpu\" is finalized")
	_, err = b.BufferFromFlatData(0, []float32{1, 2}, shape)
	wantError(t, err, "BufferFromFlatData: the backend \"cpu\" is finalized")
	_, _, err = b.NewSharedBuffer(0, shape)
	wantError(t, err, "NewSharedBuffer: the backend \"cpu\" is finalized")
	_, err = exe.Execute([]compute.Buffer{buffer}, nil, 0)
	wantError(t, err, "the backend \"cpu\" is finalized")
	_, err = buffer.Data()
	wantError(t, err, "Data: the backend \"cpu\" is finalized")
	if err := buffer.Finalize(); err != nil {
		t.Errorf("a buffer that outlives its backend: %v", err)
	}
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}

func upload(t testing.TB, b *Backend, flat any, dims ...int) *Buffer {
	t.Helper()
	dtype := dtypeOf(flat)
	if dims == nil {
		dims = []int{len(dtypes.UnsafeByteSliceFromAny(flat)) / dtype.Size()}
	}
	buffer, err := b.BufferFromFlatData(0, flat, shapes.Make(dtype, dims...))
	if err != nil {
		t.Fatal(err)
	}
	return buffer.(*Buffer)
}

func compiled(t testing.TB, b *Backend, build func(f compute.Function) []compute.Value) compute.Executable {
	t.Helper()
	builder := b.Builder(t.Name())
	if err := builder.Main().Return(build(builder.Main()), nil); err != nil {
		t.Fatal(err)
	}
	exe, err := builder.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

func TestBuffers(t *testing.T) {
	b := newBackend(t, "")
	for n := range 200 {
		buffer := upload(t, b, make([]uint8, n), n)
		if at := uintptr(unsafe.Pointer(unsafe.SliceData(buffer.memory))); at%memory.Align != 0 {
			t.Errorf("a buffer of %d bytes lies at %#x", n, at)
		}
		buffer.Finalize()
	}
	x := upload(t, b, []float32{1, 2, 3, 4, 5, 6}, 2, 3)
	if shape, err := x.Shape(); err != nil || !shape.Equal(shapes.Make(dtypes.Float32, 2, 3)) {
		t.Errorf("shape %s, %v", shape, err)
	}
	got := make([]float32, 6)
	if err := x.ToFlatData(got); err != nil || got[5] != 6 {
		t.Errorf("%v, %v", got, err)
	}
	wantError(t, x.ToFlatData(make([]float32, 5)), "ToFlatData: (Float32)[2, 3]")
	wantError(t, x.ToFlatData(make([]int32, 6)), "needs a []float32, got a []int32")
	wantError(t, x.ToFlatData(nil), "needs a []float32")
	_, err := b.BufferFromFlatData(1, got, shapes.Make(dtypes.Float32, 6))
	wantError(t, err, "BufferFromFlatData: there is no device 1")
	_, err = b.BufferFromFlatData(0, got, shapes.Make(dtypes.Float32, 5))
	wantError(t, err, "BufferFromFlatData")
	_, err = b.BufferFromFlatData(0, []complex64{1}, shapes.Make(dtypes.Complex64, 1))
	if !compute.IsNotImplemented(err) {
		t.Errorf("a buffer of complex numbers: %v", err)
	}
	y, err := x.CopyToDevice(0)
	if err != nil {
		t.Fatal(err)
	}
	data, _ := y.Data()
	data.([]float32)[0] = 100
	if data, _ := x.Data(); data.([]float32)[0] != 1 {
		t.Error("a copy shares memory with its source")
	}
	for range 2 {
		if err := x.Finalize(); err != nil {
			t.Errorf("Finalize: %v", err)
		}
	}
	_, err = x.Shape()
	wantError(t, err, "Shape: the buffer of (Float32)[2, 3] is finalized")
}

func TestMemoryIsUsedAgain(t *testing.T) {
	b := newBackend(t, "")
	for range 100 { // the pool may lose some of what it is given
		x := upload(t, b, make([]float32, 1000))
		memory := &x.memory[0]
		x.Finalize()
		y := upload(t, b, make([]float32, 1005))
		if &y.memory[0] == memory {
			return
		}
	}
	t.Error("the memory of a finalized buffer was never used again")
}

func TestClasses(t *testing.T) {
	for n := range 100_000 {
		if c := classOf(n); c < n || c%memory.Align != 0 || c > memory.Align && c > n+n/64+memory.Align ||
			classOf(c) != c {
			t.Fatalf("%d bytes take %d, and those %d", n, c, classOf(c))
		}
	}
}

// Copies are kept only where nobody else can write.
func TestCopies(t *testing.T) {
	b := newBackend(t, "")
	arranged := 0
	arrange := func() any { arranged++; return arranged }
	x := upload(t, b, []float32{1, 2})
	for range 2 {
		if c, ok := x.copyOf("key", 8, arrange); !ok || c != 1 {
			t.Errorf("copy %v, %v, want the first one", c, ok)
		}
	}
	if c, ok := x.copyOf("other key", 8, arrange); !ok || c != 2 {
		t.Errorf("copy %v, %v, want another one", c, ok)
	}
	x.Data()
	if _, ok := x.copyOf("key", 8, arrange); ok {
		t.Error("a copy of what somebody may write to")
	}
	shared, _, _ := b.NewSharedBuffer(0, shapes.Make(dtypes.Float32, 2))
	if _, ok := shared.(*Buffer).copyOf("key", 8, arrange); ok {
		t.Error("a copy of a shared buffer")
	}
	y := upload(t, b, []float32{1, 2})
	y.Finalize()
	if _, ok := y.copyOf("key", 8, arrange); ok || arranged != 2 {
		t.Errorf("a copy of a finalized buffer; arranged %d times, want 2", arranged)
	}
}

// All copies together take no more memory than they may, and what one gives back another may take.
func TestCopiesWithin(t *testing.T) {
	b := newBackend(t, "copies=1")
	x, y := upload(t, b, []float32{1, 2}), upload(t, b, []float32{1, 2})
	arrange := func() any { return 0 }
	keep := func(buffer *Buffer, key string, bytes int64, want bool) {
		t.Helper()
		if _, ok := buffer.copyOf(key, bytes, arrange); ok != want {
			t.Errorf("copy %s of %d bytes kept: %v, want %v", key, bytes, ok, want)
		}
	}
	keep(x, "a", 1<<20+1, false)
	keep(x, "a", 1<<19, true)
	keep(x, "b", 1<<18, true)
	keep(y, "a", 1<<19, false)
	keep(y, "b", 1<<18, true)
	keep(x, "a", 1<<19, true) // there already
	x.Finalize()
	keep(y, "a", 1<<19, true)
	y.Data()
	if n := b.kept.Load(); n != 0 {
		t.Errorf("%d bytes count as kept, want 0", n)
	}
}

func TestManyAtOnce(t *testing.T) {
	b := newBackend(t, "threads=2")
	exe := compiled(t, b, func(f compute.Function) []compute.Value {
		x, _ := f.Parameter("x", shapes.Make(dtypes.Float32, 32), nil)
		y, _ := f.Mul(x, x)
		z, _ := f.ReduceSum(y, 0)
		return []compute.Value{z, y}
	})
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for range 50 {
				in := upload(t, b, slices.Repeat([]float32{float32(i)}, 32))
				out, err := exe.Execute([]compute.Buffer{in}, []bool{i%2 == 0}, 0)
				if err != nil {
					t.Error(err)
					return
				}
				got := make([]float32, 1)
				if err := out[0].ToFlatData(got); err != nil || got[0] != float32(32*i*i) {
					t.Errorf("%d: %v, %v", i, got, err)
				}
				out[0].Finalize()
				out[1].Finalize()
			}
		})
	}
	group.Wait()
}
