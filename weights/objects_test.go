package weights_test

import (
	"math/big"
	"strings"
	"testing"

	"mgd3/internal/wild"
	"mgd3/weights"
)

// TestObjectsBeside: nothing that lies beside the tensors of a checkpoint keeps them from being read, and what is no
// everyday thing is named.
func TestObjectsBeside(t *testing.T) {
	call := func(function string, args ...any) any { return wild.Call{Function: wild.Global(function), Args: args} }
	object := func(class string, state any) any {
		return wild.Build{Object: wild.New{Class: wild.Global(class)}, State: state}
	}
	huge, _ := new(big.Int).SetString("239848923489234892348923489234892348", 10)
	bytes := call("_codecs encode", "\u00e4\x00", "latin1")
	for name, c := range map[string]struct {
		v     any
		named string
	}{
		"a path":                   {call("pathlib PosixPath", "/", "data"), "pathlib.PosixPath"},
		"a path of Windows":        {call("pathlib WindowsPath", "C:"), "pathlib.WindowsPath"},
		"a pure path":              {call("pathlib PurePosixPath", "x"), "pathlib.PurePosixPath"},
		"a path of Python 3.13":    {call("pathlib._local PosixPath", "x"), "pathlib._local.PosixPath"},
		"a date":                   {call("datetime datetime", bytes), "datetime.datetime"},
		"a time span":              {call("datetime timedelta", 1, 2, 3), "datetime.timedelta"},
		"an enum":                  {call("__main__ Mode", 1), "__main__.Mode"},
		"arguments":                {object("argparse Namespace", wild.Pairs("ckpt", call("pathlib PosixPath", "x"))), "pathlib.PosixPath"},
		"a number of NumPy":        {call("numpy.core.multiarray scalar", call("numpy dtype", "f8", 0, 1), bytes), ""},
		"an array of NumPy":        {wild.Build{Object: call("numpy.core.multiarray _reconstruct", wild.Global("numpy ndarray"), wild.Tuple{0}, bytes), State: wild.Tuple{1, wild.Tuple{3}, nil, false, bytes}}, ""},
		"NumPy's random state":     {wild.Tuple{"MT19937", call("numpy._core.multiarray _reconstruct", wild.Global("numpy ndarray"), wild.Tuple{0}, bytes), 624, 0, 0.0}, ""},
		"NumPy's generator":        {wild.Build{Object: call("numpy.random._pickle __generator_ctor", "PCG64"), State: wild.Pairs("state", huge)}, "numpy.random._pickle.__generator_ctor"},
		"Python's random state":    {wild.Tuple{3, wild.Tuple{1, 2, 4294967295}, nil}, ""},
		"a configuration":          {object("omegaconf.dictconfig DictConfig", wild.Pairs("_content", wild.Pairs("a", object("omegaconf.nodes AnyNode", wild.Dict{})))), "omegaconf.dictconfig.DictConfig"},
		"a size":                   {call("torch Size", wild.Tuple{1, 2}), ""},
		"a device":                 {call("torch device", "cuda", 0), ""},
		"a type":                   {wild.Global("torch float32"), ""},
		"a type that is not known": {wild.Global("torch complex64"), "torch.complex64"},
		"a class":                  {wild.Global("torch.optim.adamw AdamW"), "torch.optim.adamw.AdamW"},
		"a model":                  {object("models.dit DiT", wild.Pairs("training", true)), "models.dit.DiT"},
		"a set":                    {call("__builtin__ set", wild.List{1, 2}), ""},
		"a method":                 {call("__builtin__ getattr", object("a B", nil), "c"), "a.B"},
		"what it returned, called": {wild.Call{Function: call("operator attrgetter", "x"), Args: wild.Tuple{1}}, "operator.attrgetter"},
		"a dict of a class":        {wild.Filled(call("collections defaultdict", wild.Global("__builtin__ list")), wild.Pairs("a", 1)), ""},
		"a key of a class":         {wild.Pairs(call("torch device", "cpu"), 1, wild.Tuple{1, 2}, 3), ""},
		"harm":                     {call("posix system", "touch x"), "posix.system"},
	} {
		t.Run(name, func(t *testing.T) {
			for kind, content := range map[string][]byte{
				"beside a dict":    wild.Torch(samples(), func(state any) any { return wild.Pairs("before", c.v, "model", state, "after", c.v) }).Zip(),
				"beside, older":    wild.Torch(samples(), func(state any) any { return wild.Pairs("model", state, "after", c.v) }).Old(),
				"in the same dict": wild.Torch(samples(), func(state any) any { return wild.Filled(stateOf(state), wild.Pairs("_extra_state", c.v)) }).Zip(),
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

// stateOf is the dict in the state_dict that wild.Torch makes.
func stateOf(state any) any { return state.(wild.Build).Object }

// TestKindsOfTensors: tensors that other functions make are read where the elements are plain, and else refused by the
// function's name.
func TestKindsOfTensors(t *testing.T) {
	s := &wild.Storage{Key: "0", DType: "F32", Count: 2, Data: []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0x40}}
	plain := s.Tensor(0, []int{2}, []int{1})
	args := func(more ...any) wild.Tuple {
		return append(wild.Tuple{plain.Args[0], 0, wild.Tuple{2}, wild.Tuple{1}}, more...)
	}
	bytes := wild.Persistent{ID: wild.Tuple{"storage", wild.Global("torch.storage UntypedStorage"), "0", "cpu", 8}}
	typed := func(dtype string, n int) any {
		return wild.Call{Function: wild.Global("torch._utils _rebuild_tensor_v3"), Args: wild.Tuple{bytes, 0, wild.Tuple{n}, wild.Tuple{1}, false, wild.Ordered(nil), wild.Global(dtype)}}
	}
	call := func(function string, args ...any) any { return wild.Call{Function: wild.Global(function), Args: args} }
	complex := wild.Persistent{ID: wild.Tuple{"storage", wild.Global("torch ComplexFloatStorage"), "0", "cpu", 1}}
	for name, c := range map[string]struct {
		v     any
		dtype weights.DType
		says  []string
	}{
		"a parameter":             {call("torch._utils _rebuild_parameter", plain, true, wild.Ordered(nil)), "F32", nil},
		"a parameter with state":  {call("torch._utils _rebuild_parameter_with_state", plain, true, wild.Ordered(nil), wild.Dict{}), "F32", nil},
		"a subclass":              {call("torch._tensor _rebuild_from_type_v2", wild.Global("torch._utils _rebuild_tensor_v2"), wild.Global("torchvision.tv_tensors Image"), args(false, wild.Ordered(nil)), wild.Dict{}), "F32", nil},
		"of bytes, float32":       {typed("torch float32", 2), "F32", nil},
		"of bytes, uint16":        {typed("torch uint16", 4), "U16", nil},
		"of bytes, float8":        {typed("torch float8_e4m3fn", 8), "F8_E4M3", nil},
		"of bytes, complex":       {typed("torch complex64", 1), "", []string{`"torch.complex64"`}},
		"complex":                 {call("torch._utils _rebuild_tensor_v2", complex, 0, wild.Tuple{1}, wild.Tuple{1}, false, wild.Ordered(nil)), "", []string{`"torch.ComplexFloatStorage"`}},
		"quantized":               {call("torch._utils _rebuild_qtensor", args(wild.Tuple{wild.Global("torch per_tensor_affine"), 1.0, 0})...), "", []string{`"torch._utils._rebuild_qtensor"`}},
		"sparse":                  {call("torch._utils _rebuild_sparse_tensor", wild.Global("torch sparse_coo"), wild.Tuple{plain, plain, wild.Tuple{2}}), "", []string{`"torch._utils._rebuild_sparse_tensor"`}},
		"a subclass by a class":   {call("torch._tensor _rebuild_from_type_v2", wild.Global("a make"), wild.Global("a T"), args(), wild.Dict{}), "", []string{`"a.make"`}},
		"by a function of no one": {call("mine tensor", plain), "", []string{`"mine.tensor"`}},
		"a parameter of such":     {call("torch._utils _rebuild_parameter", call("mine tensor", plain), true), "", []string{`"mine.tensor"`}},
	} {
		t.Run(name, func(t *testing.T) {
			a := wild.Archive{Folder: "x", Object: wild.Pairs("a.plain", plain, "a.odd", c.v), Storages: []*wild.Storage{s}}
			f, err := openBytes(a.Zip())
			if c.says != nil {
				wantFormat(t, err, append(c.says, `tensor "a.odd"`)...)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if x, err := f.Tensor("a.odd"); err != nil || x.DType != c.dtype {
				t.Errorf("%s, %v, want %s", x.DType, err, c.dtype)
			}
			beside := wild.Archive{Folder: "x", Object: wild.Pairs("model", wild.Pairs("a.plain", plain), "odd", c.v), Storages: []*wild.Storage{s}}
			if f, err := openBytes(beside.Zip()); err != nil || len(f.Names()) != 1 {
				t.Errorf("beside the model: %v", err)
			}
		})
	}
}

// TestNoWeights: what holds no tensors is refused in words.
func TestNoWeights(t *testing.T) {
	array := wild.Call{Function: wild.Global("numpy.core.multiarray _reconstruct"), Args: wild.Tuple{wild.Global("numpy ndarray"), wild.Tuple{0}, "b"}}
	for name, c := range map[string]struct {
		v    any
		says string
	}{
		"a whole model":           {wild.Build{Object: wild.New{Class: "models DiT"}, State: wild.Dict{}}, `"models.DiT", which no weights need: it may be a whole model (save its state_dict)`},
		"a whole model in a dict": {wild.Pairs("model", wild.Build{Object: wild.New{Class: "ultralytics.nn.tasks Model"}, State: wild.Dict{}}), `"ultralytics.nn.tasks.Model"`},
		"arrays of NumPy":         {wild.Pairs("a.weight", array, "b.weight", array), "holds arrays of NumPy, want tensors"},
		"nothing":                 {wild.Dict{}, "holds no tensors: want a dict of them by name"},
		"an optimizer alone":      {wild.Pairs("optimizer", wild.Pairs("state", wild.Dict{})), "holds no tensors"},
		"text":                    {"x", "holds no dict"},
	} {
		_, err := openBytes(wild.Archive{Folder: "x", Object: c.v}.Zip())
		t.Run(name, func(t *testing.T) { wantFormat(t, err, c.says) })
	}
}
