package weights_test

import (
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"

	"mgd3/internal/fixtures/pytorch"
	"mgd3/weights"
)

// TestObjectsBeside: nothing that lies beside the tensors of a checkpoint keeps them from being read, and what is no
// everyday thing is named.
func TestObjectsBeside(t *testing.T) {
	call := func(function string, args ...any) any {
		return pytorch.Call{Function: pytorch.Global(function), Args: args}
	}
	object := func(class string, state any) any {
		return pytorch.Build{Object: pytorch.New{Class: pytorch.Global(class)}, State: state}
	}
	huge, _ := new(big.Int).SetString("239848923489234892348923489234892348", 10)
	bytes := call("_codecs encode", "\u00e4\x00", "latin1")
	for name, c := range map[string]struct {
		v     any
		named string
	}{
		"a path":                {call("pathlib PosixPath", "/", "data"), "pathlib.PosixPath"},
		"a path of Windows":     {call("pathlib WindowsPath", "C:"), "pathlib.WindowsPath"},
		"a pure path":           {call("pathlib PurePosixPath", "x"), "pathlib.PurePosixPath"},
		"a path of Python 3.13": {call("pathlib._local PosixPath", "x"), "pathlib._local.PosixPath"},
		"a date":                {call("datetime datetime", bytes), "datetime.datetime"},
		"a time span":           {call("datetime timedelta", 1, 2, 3), "datetime.timedelta"},
		"an enum":               {call("__main__ Mode", 1), "__main__.Mode"},
		"arguments": {object("argparse Namespace", pytorch.Pairs("ckpt",
			call("pathlib PosixPath", "x"))), "pathlib.PosixPath"},
		"a number of NumPy": {call("numpy.core.multiarray scalar", call("numpy dtype", "f8", 0, 1), bytes), ""},
		"an array of NumPy": {pytorch.Build{Object: call("numpy.core.multiarray _reconstruct",
			pytorch.Global("numpy ndarray"), pytorch.Tuple{0}, bytes),
			State: pytorch.Tuple{1, pytorch.Tuple{3}, nil, false, bytes}}, ""},
		"NumPy's random state": {pytorch.Tuple{"MT19937", call("numpy._core.multiarray _reconstruct",
			pytorch.Global("numpy ndarray"), pytorch.Tuple{0}, bytes), 624, 0, 0.0}, ""},
		"NumPy's generator": {pytorch.Build{Object: call("numpy.random._pickle __generator_ctor", "PCG64"),
			State: pytorch.Pairs("state", huge)}, "numpy.random._pickle.__generator_ctor"},
		"Python's random state": {pytorch.Tuple{3, pytorch.Tuple{1, 2, 4294967295}, nil}, ""},
		"a configuration": {object("omegaconf.dictconfig DictConfig",
			pytorch.Pairs("_content", pytorch.Pairs("a", object("omegaconf.nodes AnyNode", pytorch.Dict{})))),
			"omegaconf.dictconfig.DictConfig"},
		"a size":                   {call("torch Size", pytorch.Tuple{1, 2}), ""},
		"a device":                 {call("torch device", "cuda", 0), ""},
		"a type":                   {pytorch.Global("torch float32"), ""},
		"a type that is not known": {pytorch.Global("torch complex64"), "torch.complex64"},
		"a class":                  {pytorch.Global("torch.optim.adamw AdamW"), "torch.optim.adamw.AdamW"},
		"a model":                  {object("models.dit DiT", pytorch.Pairs("training", true)), "models.dit.DiT"},
		"a set":                    {call("__builtin__ set", pytorch.List{1, 2}), ""},
		"a method":                 {call("__builtin__ getattr", object("a B", nil), "c"), "a.B"},
		"what it returned, called": {pytorch.Call{Function: call("operator attrgetter", "x"), Args: pytorch.Tuple{1}},
			"operator.attrgetter"},
		"a dict of a class": {pytorch.Filled(call("collections defaultdict", pytorch.Global("__builtin__ list")),
			pytorch.Pairs("a", 1)), ""},
		"a key of a class": {pytorch.Pairs(call("torch device", "cpu"), 1, pytorch.Tuple{1, 2}, 3), ""},
		"harm":             {call("posix system", "touch x"), "posix.system"},
	} {
		t.Run(name, func(t *testing.T) {
			for kind, content := range map[string][]byte{
				"beside a dict": pytorch.Torch(samples(),
					func(state any) any { return pytorch.Pairs("before", c.v, "model", state, "after", c.v) }).Zip(),
				"beside, older": pytorch.Torch(samples(),
					func(state any) any { return pytorch.Pairs("model", state, "after", c.v) }).Old(),
				"in the same dict": pytorch.Torch(samples(),
					func(state any) any {
						return pytorch.Filled(stateOf(state),
							pytorch.Pairs("_extra_state", c.v))
					}).Zip(),
			} {
				f, err := openBytes(content)
				if err != nil {
					t.Errorf("%s: %v", kind, err)
					continue
				}
				if len(f.Names()) != len(samples()) {
					t.Errorf("%s: tensors %q", kind, f.Names())
				}
				notes := strings.Join(f.Notes(), " ")
				if (c.named == "") != (notes == "") || !strings.Contains(notes, c.named) {
					t.Errorf("%s: notes %q, want %q", kind, notes, c.named)
				}
			}
		})
	}
}

// stateOf is the dict in the state_dict that pytorch.Torch makes.
func stateOf(state any) any { return state.(pytorch.Build).Object }

// TestKindsOfTensors: tensors that other functions make are read where the elements are plain. Others are refused by
// their names where they are needed, and keep none beside them from being read; alone they are no weights.
func TestKindsOfTensors(t *testing.T) {
	s := &pytorch.Storage{Key: "0", DType: "F32", Count: 2, Data: []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0x40}}
	plain := s.Tensor(0, []int{2}, []int{1})
	args := func(more ...any) pytorch.Tuple {
		return append(pytorch.Tuple{plain.Args[0], 0, pytorch.Tuple{2}, pytorch.Tuple{1}}, more...)
	}
	bytes := pytorch.Persistent{ID: pytorch.Tuple{"storage", pytorch.Global("torch.storage UntypedStorage"), "0", "cpu",
		8}}
	typed := func(dtype string, n int) any {
		return pytorch.Call{Function: pytorch.Global("torch._utils _rebuild_tensor_v3"),
			Args: pytorch.Tuple{bytes, 0, pytorch.Tuple{n}, pytorch.Tuple{1}, false, pytorch.Ordered(nil),
				pytorch.Global(dtype)}}
	}
	call := func(function string, args ...any) any {
		return pytorch.Call{Function: pytorch.Global(function), Args: args}
	}
	array := pytorch.Call{Function: pytorch.Global("numpy.core.multiarray _reconstruct"),
		Args: pytorch.Tuple{pytorch.Global("numpy ndarray"), pytorch.Tuple{0}, "b"}}
	complex := pytorch.Persistent{ID: pytorch.Tuple{"storage", pytorch.Global("torch ComplexFloatStorage"), "0", "cpu",
		1}}
	for name, c := range map[string]struct {
		v     any
		dtype weights.DType
		says  []string
	}{
		"a parameter": {call("torch._utils _rebuild_parameter", plain, true, pytorch.Ordered(nil)), "F32",
			nil},
		"a parameter with state": {call("torch._utils _rebuild_parameter_with_state", plain, true,
			pytorch.Ordered(nil), pytorch.Dict{}), "F32", nil},
		"a subclass": {call("torch._tensor _rebuild_from_type_v2",
			pytorch.Global("torch._utils _rebuild_tensor_v2"), pytorch.Global("torchvision.tv_tensors Image"),
			args(false, pytorch.Ordered(nil)), pytorch.Dict{}), "F32", nil},
		"of bytes, float32": {typed("torch float32", 2), "F32", nil},
		"of bytes, uint16":  {typed("torch uint16", 4), "U16", nil},
		"of bytes, float8":  {typed("torch float8_e4m3fn", 8), "F8_E4M3", nil},
		"of bytes, complex": {typed("torch complex64", 1), "", []string{`"torch.complex64"`}},
		"complex": {call("torch._utils _rebuild_tensor_v2", complex, 0, pytorch.Tuple{1},
			pytorch.Tuple{1}, false, pytorch.Ordered(nil)), "", []string{`"torch.ComplexFloatStorage"`}},
		"quantized": {call("torch._utils _rebuild_qtensor",
			args(pytorch.Tuple{pytorch.Global("torch per_tensor_affine"), 1.0, 0})...), "",
			[]string{`"torch._utils._rebuild_qtensor"`}},
		"sparse": {call("torch._utils _rebuild_sparse_tensor", pytorch.Global("torch sparse_coo"),
			pytorch.Tuple{plain, plain, pytorch.Tuple{2}}), "", []string{`"torch._utils._rebuild_sparse_tensor"`}},
		"sparse, by rows": {call("torch._utils _rebuild_sparse_tensor", pytorch.Global("torch sparse_csr"),
			pytorch.Tuple{plain, plain, plain, pytorch.Tuple{2}}), "", []string{"it is sparse"}},
		"on meta": {call("torch._utils _rebuild_meta_tensor_no_storage",
			pytorch.Global("torch float32"), pytorch.Tuple{2}, pytorch.Tuple{1}, false), "",
			[]string{"on the device meta"}},
		"a parameter on meta": {call("torch._utils _rebuild_parameter",
			call("torch._utils _rebuild_meta_tensor_no_storage", pytorch.Global("torch float32"), pytorch.Tuple{2},
				pytorch.Tuple{1}, false), true), "", []string{"on the device meta"}},
		"a wrapper": {call("torch._utils _rebuild_wrapper_subclass", pytorch.Global("mine T"),
			pytorch.Global("torch float32"), pytorch.Tuple{2}, pytorch.Tuple{1}, 0, nil, "cpu", false), "",
			[]string{"a class whose elements are not in it"}},
		"of a device, by NumPy": {call("torch._utils _rebuild_device_tensor_from_numpy", array,
			pytorch.Global("torch float32"), "xla:0", false), "", []string{"an array of NumPy"}},
		"of a device": {call("torch._utils _rebuild_device_tensor_from_cpu_tensor", plain,
			pytorch.Global("torch float32"), "xla:0", false), "F32", nil},
		"of a device, rounded": {call("torch._utils _rebuild_device_tensor_from_cpu_tensor", plain,
			pytorch.Global("torch bfloat16"), "xla:0", false), "",
			[]string{`"torch._utils._rebuild_device_tensor_from_cpu_tensor"`}},
		"nested": {call("torch._utils _rebuild_nested_tensor", plain, plain, plain, plain), "",
			[]string{"it is nested"}},
		"never initialized": {call("torch.nn.parameter UninitializedParameter", true, "cpu"), "",
			[]string{"never initialized"}},
		"an array of NumPy": {array, "", []string{"an array of NumPy"}},
		"a subclass by a class": {call("torch._tensor _rebuild_from_type_v2", pytorch.Global("a make"),
			pytorch.Global("a T"), args(), pytorch.Dict{}), "", []string{`"a.make"`}},
		"by a function of no one": {call("mine tensor", plain), "", []string{`"mine.tensor"`}},
		"a parameter of such": {call("torch._utils _rebuild_parameter", call("mine tensor", plain), true), "",
			[]string{`"mine.tensor"`}},
	} {
		t.Run(name, func(t *testing.T) {
			a := pytorch.Archive{Folder: "x", Object: pytorch.Pairs("a.plain", plain, "a.odd", c.v),
				Storages: []*pytorch.Storage{s}}
			f, err := openBytes(a.Zip())
			if err != nil {
				t.Fatal(err)
			}
			if c.says != nil {
				wantFaulty(t, f, c.says)
				_, err := openBytes(pytorch.Archive{Folder: "x", Object: pytorch.Pairs("a.odd", c.v),
					Storages: []*pytorch.Storage{s}}.Zip())
				wantFormat(t, err)
				return
			}
			if x, err := f.Tensor("a.odd"); err != nil || x.DType != c.dtype {
				t.Errorf("%s, %v, want %s", x.DType, err, c.dtype)
			}
			beside := pytorch.Archive{Folder: "x", Object: pytorch.Pairs("model", pytorch.Pairs("a.plain", plain),
				"odd", c.v), Storages: []*pytorch.Storage{s}}
			if f, err := openBytes(beside.Zip()); err != nil || len(f.Names()) != 1 {
				t.Errorf("beside the model: %v", err)
			}
		})
	}
}

// wantFaulty: of a file with a sound tensor "a.plain" and "a.odd", which cannot be read, the sound one can.
func wantFaulty(t *testing.T, f *weights.File, says []string) {
	t.Helper()
	if odd, err := f.Tensor("a.odd"); err != nil || odd.DType != "" || odd.Fault() == "" || odd.Bytes() != nil {
		t.Errorf("a.odd is of %q, fault %q, %v", odd.DType, odd.Fault(), err)
	}
	if notes := strings.Join(f.Notes(), " "); !strings.Contains(notes,
		`1 of 2 tensors cannot be read, and are refused where they are needed: tensor "a.odd"`) {
		t.Errorf("notes %q", notes)
	}
	words := append(slices.Clone(says), "x.pt", `tensor "a.odd" cannot be read`)
	plain, odd := weights.Spec{Name: "a.plain", Shape: []int{2}}, weights.Spec{Name: "a.odd", Shape: []int{2}}
	set := weights.AsIs(f)
	if all, err := set.Load([]weights.Spec{plain}); err != nil || !slices.Equal(all["a.plain"], []float32{1, 2}) {
		t.Errorf("the sound tensor is %v, %v", all, err)
	}
	_, errLoad := set.Load([]weights.Spec{plain, odd})
	_, errOne := set.Float32s("a.odd")
	_, _, errConvert := weights.Conversion{}.Shards(set)
	x, _ := f.Tensor("a.odd")
	for _, err := range []error{errLoad, errOne, errConvert, x.ReadFloat32s(nil, 0)} {
		if wantWords(t, err, words...); !errors.Is(err, weights.ErrUnreadable) {
			t.Errorf("%v, want one that wraps %q", err, weights.ErrUnreadable)
		}
	}
	for _, network := range []func(*weights.File) (*weights.Set, error){weights.DiT, weights.Autoencoder,
		weights.Torchvision, weights.TAESD, weights.Perceptual} {
		if _, err := network(f); err != nil {
			t.Error(err)
		}
	}
}

// TestNoWeights: what holds no tensors is refused in words.
func TestNoWeights(t *testing.T) {
	array := pytorch.Call{Function: pytorch.Global("numpy.core.multiarray _reconstruct"),
		Args: pytorch.Tuple{pytorch.Global("numpy ndarray"), pytorch.Tuple{0}, "b"}}
	for name, c := range map[string]struct {
		v    any
		says string
	}{
		"a whole model": {pytorch.Build{Object: pytorch.New{Class: "models DiT"}, State: pytorch.Dict{}},
			`"models.DiT", which no weights need: it may be a whole model (save its state_dict)`},
		"a whole model in a dict": {pytorch.Pairs("model",
			pytorch.Build{Object: pytorch.New{Class: "ultralytics.nn.tasks Model"}, State: pytorch.Dict{}}),
			`"ultralytics.nn.tasks.Model"`},
		"arrays of NumPy": {pytorch.Pairs("a.weight", array, "b.weight", array),
			"holds arrays of NumPy, want tensors"},
		"nothing": {pytorch.Dict{}, "holds no tensors: want a dict of them by name"},
		"an optimizer alone": {pytorch.Pairs("optimizer", pytorch.Pairs("state", pytorch.Dict{})),
			"holds no tensors"},
		"text": {"x", "holds no dict"},
	} {
		_, err := openBytes(pytorch.Archive{Folder: "x", Object: c.v}.Zip())
		t.Run(name, func(t *testing.T) { wantFormat(t, err, c.says) })
	}
}
