package weights

import (
	"regexp"
	"slices"

	"github.com/nlpodyssey/gopickle/types"
)

// refusal is an error of ours in the middle of a pickle, in words for the user.
type refusal string

func (r refusal) Error() string { return string(r) }

// instance stands for what a pickle makes by a name that globals does not have: a path, a date, the state of a random
// generator, a model of the user's own class. Nothing of it is made; its state (BUILD) is not looked at, but for that
// of NumPy's arrays. What is put into it by SETITEMS is kept, since classes that are dicts hold tensors too.
type instance struct {
	class string
	// a tensor, perhaps, of a kind that is not known: it was made from elements, or by a function that makes tensors
	from  bool
	array *ndarray // one of NumPy
	types.Dict
}

// Call is a call of the name, or of what it returned, as getattr(x, "y")() does.
func (o *instance) Call(args ...any) (any, error) {
	if o.class == numpyArray {
		return &instance{class: numpyArray, array: &ndarray{}}, nil
	}
	return &instance{class: o.class, from: makesTensors.MatchString(o.class) ||
		slices.ContainsFunc(args, holdsElements)}, nil
}

// Append is what a list of the user's own class is filled by.
func (o *instance) Append(any) {}

// numpyArray makes NumPy's arrays; see numpyarray.go.
const numpyArray = "numpy._reconstruct"

// holdsElements reports whether v is a tensor or a storage, or a tuple with one in it.
func holdsElements(v any) bool {
	switch v := v.(type) {
	case *strided, *storage:
		return true
	case *instance:
		return v.from
	case *types.Tuple:
		return slices.ContainsFunc(*v, holdsElements)
	}
	return false
}

// findClass returns what a global of Python is here.
func findClass(name string, unknown map[string]bool) any {
	if class, ok := globals[name]; ok {
		return class
	}
	switch name {
	case "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct":
		return &instance{class: numpyArray}
	}
	if unknown != nil && !common[name] && !builtin.MatchString(name) && !makesTensors.MatchString(name) &&
		storageSizes[name] == 0 {
		unknown[name] = true
	}
	return &instance{class: name}
}

// common are further names of objects that lie beside the weights in most trainings, and are not worth a word.
var common = map[string]bool{
	"argparse.Namespace": true, "collections.Counter": true, "collections.defaultdict": true, "numpy.ndarray": true,
	"torch.device": true,
}

// builtin matches Python's own plain types.
var builtin = regexp.MustCompile(`^(__builtin__|builtins)\.(set|frozenset|dict|list|tuple|` +
	`object|int|long|float|bool|str|unicode|bytes|bytearray|complex)$`)

// globals are the names behind which there is something to make.
var globals = map[string]any{
	"torch.FloatStorage":           DType("F32"),
	"torch.HalfStorage":            DType("F16"),
	"torch.BFloat16Storage":        DType("BF16"),
	"torch.DoubleStorage":          DType("F64"),
	"torch.LongStorage":            DType("I64"),
	"torch.IntStorage":             DType("I32"),
	"torch.ShortStorage":           DType("I16"),
	"torch.CharStorage":            DType("I8"),
	"torch.ByteStorage":            DType("U8"),
	"torch.BoolStorage":            DType("BOOL"),
	"torch.UntypedStorage":         DType("U8"), // of bytes, see rebuildTyped
	"torch.storage.UntypedStorage": DType("U8"),

	"torch.float32": DType("F32"), "torch.float16": DType("F16"), "torch.bfloat16": DType("BF16"),
	"torch.float64": DType("F64"),
	"torch.int64":   DType("I64"), "torch.int32": DType("I32"), "torch.int16": DType("I16"), "torch.int8": DType("I8"),
	"torch.uint8": DType("U8"), "torch.uint16": DType("U16"), "torch.uint32": DType("U32"),
	"torch.uint64": DType("U64"),
	"torch.bool":   DType("BOOL"), "torch.float8_e4m3fn": DType("F8_E4M3"), "torch.float8_e5m2": DType("F8_E5M2"),

	"torch._utils._rebuild_tensor":                        callable(rebuildTensor),
	"torch._utils._rebuild_tensor_v2":                     callable(rebuildTensor),
	"torch._utils._rebuild_tensor_v3":                     callable(rebuildTyped),
	"torch._tensor._rebuild_from_type_v2":                 callable(rebuildSubclass),
	"torch._utils._rebuild_parameter":                     callable(parameter),
	"torch._utils._rebuild_device_tensor_from_cpu_tensor": callable(fromCPU),
	"torch._utils._rebuild_parameter_with_state":          callable(parameter),
	"_codecs.encode":                                      callable(codecsEncode),
	"numpy.dtype":                                         callable(numpyDType),
	"numpy.core.multiarray.scalar":                        callable(numpyScalar),
	"numpy._core.multiarray.scalar":                       callable(numpyScalar),

	"numpy.core.numeric._frombuffer":  callable(numpyFromBuffer),
	"numpy._core.numeric._frombuffer": callable(numpyFromBuffer),

	ourBytes: callable(bytesAsTheyAre),

	"torch.Size":              callable(size),
	"collections.OrderedDict": callable(orderedDict),
}

// callable is a function by gopickle's interface.
type callable func(args []any) (any, error)

func (c callable) Call(args ...any) (any, error) { return c(args) }

// parameter takes a tensor, and more that is not needed. One of a tensor that is not known is not known either.
func parameter(args []any) (any, error) {
	if len(args) > 0 {
		switch t := args[0].(type) {
		case *strided:
			return t, nil
		case *instance:
			return t, nil
		}
	}
	return nil, refusal("a parameter without a tensor")
}

// fromCPU takes a tensor, the type that it shall have, and more that is not needed.
func fromCPU(args []any) (any, error) {
	if len(args) >= 2 {
		if t, ok := args[0].(*strided); ok && args[1] == t.dtype {
			return t, nil
		}
	}
	return &instance{class: "torch._utils._rebuild_device_tensor_from_cpu_tensor", from: true}, nil
}

// rebuildSubclass takes the function that makes a tensor, the class of the user's that it shall have, and the
// function's arguments; the class adds no elements.
func rebuildSubclass(args []any) (any, error) {
	if len(args) >= 3 {
		if of, ok := args[2].(*types.Tuple); ok {
			switch f := args[0].(type) {
			case callable:
				return f(*of)
			case *instance:
				return f.Call(*of...)
			}
		}
	}
	return nil, refusal("a tensor of a class without a function and its arguments")
}

// size takes a tuple.
func size(args []any) (any, error) {
	if len(args) == 1 {
		if shape, ok := args[0].(*types.Tuple); ok {
			return shape, nil
		}
	}
	return nil, refusal("a shape that is no tuple")
}

// ordered is an OrderedDict.
type ordered struct {
	first *types.List // pairs it was made with, perhaps
	types.Dict
}

// orderedDict takes nothing or, as Python 2 wrote it, a list of pairs.
func orderedDict(args []any) (any, error) {
	if len(args) == 0 {
		return &ordered{}, nil
	}
	pairs, ok := args[0].(*types.List)
	if !ok {
		return nil, refusal("an OrderedDict of something else than a list")
	}
	return &ordered{first: pairs}, nil
}
